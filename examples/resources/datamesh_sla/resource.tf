resource "datamesh_domain" "sigint" {
  name         = "sigint"
  display_name = "Signals intelligence"
  discipline   = "SIGINT"
  contact      = "sigint-data@enclave.example"
  team         = { "a.stone" = { role = "owner" } }

  deletion_protection = false # on by default; an example has to be destroyable
}

resource "datamesh_sla" "hourly" {
  domain       = datamesh_domain.sigint.name
  name         = "hourly"
  description  = "Fresh every hour, and nearly always there."
  freshness    = { max_age = "1h", anchor = "schedule", target_percent = 99, window = "30d" }
  completeness = { target_percent = 98, window = "30d" }
  availability = { target_percent = 99.5, window = "30d" }
}
