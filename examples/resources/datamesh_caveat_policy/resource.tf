resource "datamesh_domain" "sigint" {
  name         = "sigint"
  display_name = "Signals intelligence"
  discipline   = "SIGINT"
  contact      = "sigint-data@enclave.example"
  team         = { "a.stone" = { role = "owner" } }

  deletion_protection = false # on by default; an example has to be destroyable
}

resource "datamesh_caveat_policy" "partners" {
  domain        = datamesh_domain.sigint.name
  name          = "partners"
  description   = "Four of the five partners hold the data; one of them never gets it, by whatever way."
  releasable_to = ["USA", "AUS", "CAN", "GBR"]
  excluded      = ["NZL"]

  # A derived product that names a policy of its own must name one at least as strict.
  inheritance = "carry_or_stricter"
}
