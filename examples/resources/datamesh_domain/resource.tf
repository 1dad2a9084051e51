resource "datamesh_domain" "sigint" {
  name         = "sigint"
  display_name = "Signals intelligence"
  description  = "Collects and publishes what is heard."
  discipline   = "SIGINT"
  contact      = "sigint-data@enclave.example"

  # The whole team, by the subject of each member's token.
  team = {
    "a.stone" = { role = "owner" }
    "b.river" = { role = "steward", from = "2026-01-01", until = "2099-12-31" }
  }

  deletion_protection = false # on by default; an example has to be destroyable
}

resource "datamesh_domain" "elint" {
  name         = "elint"
  display_name = "ELINT analysis cell"
  discipline   = "SIGINT"
  parent       = datamesh_domain.sigint.name
  contact      = "elint-data@enclave.example"
  team         = { "c.field" = { role = "owner" } }

  deletion_protection = false # on by default; an example has to be destroyable
}
