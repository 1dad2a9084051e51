# What the board asks of every track, entity and event, and three schemas of three domains that are projections of it,
# each in its own language and wrapping: GeoJSON features, Avro records, STIX relationships.
# All names and markings are notional.

terraform {
  required_providers {
    datamesh = {
      source = "meshwright/datamesh"
    }
  }
}

provider "datamesh" {} # DATAMESH_ENDPOINT, DATAMESH_TOKEN

# --- the board: what every domain's schemas have in common ----------------------

resource "datamesh_reference_schema" "track" {
  name        = "track"
  type        = "JSON"
  description = "One object that moves, as last observed."
  definition  = file("${path.module}/board/track.schema.json")
}

resource "datamesh_reference_schema" "entity" {
  name        = "entity"
  type        = "JSON"
  description = "One thing that is known about, wherever it was seen."
  definition  = file("${path.module}/board/entity.schema.json")
}

resource "datamesh_reference_schema" "event" {
  name        = "event"
  type        = "JSON"
  description = "One thing that happened or was found, with its time."
  definition  = file("${path.module}/board/event.schema.json")
}

# --- the domains: projections, each as its consumers need it --------------------

resource "datamesh_domain" "sigint" {
  name         = "sigint"
  display_name = "Signals intelligence"
  discipline   = "SIGINT"
  contact      = "sigint-data@enclave.example"
  team         = { "a.stone" = { role = "owner" } }

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

resource "datamesh_domain" "geoint" {
  name         = "geoint"
  display_name = "Geospatial intelligence"
  discipline   = "GEOINT"
  contact      = "geoint-data@enclave.example"
  team         = { "d.hill" = { role = "owner" } }

  deletion_protection = false # on by default; an example has to be destroyable
}

resource "datamesh_schema" "track" {
  domain        = datamesh_domain.sigint.name
  name          = "adversary-track"
  type          = "JSON"
  compatibility = "GLOBAL" # the level of the registry
  conforms_to   = datamesh_reference_schema.track.name
  definition    = file("${path.module}/domains/track.schema.json")
}

resource "datamesh_schema" "emitter" {
  domain      = datamesh_domain.elint.name
  name        = "emitter"
  type        = "AVRO"
  conforms_to = datamesh_reference_schema.entity.name
  definition  = file("${path.module}/domains/emitter.avsc")
}

resource "datamesh_schema" "annotation" {
  domain      = datamesh_domain.geoint.name
  name        = "imagery-annotation"
  type        = "JSON"
  conforms_to = "${datamesh_reference_schema.event.name}@1" # stays with version 1 when the board goes on
  definition  = file("${path.module}/domains/annotation.schema.json")
}

# --- what the documentation leaves out ------------------------------------------

data "datamesh_schema" "track" {
  domain = datamesh_schema.track.domain
  name   = datamesh_schema.track.name
}

output "report_on_the_track_schema" {
  value = data.datamesh_schema.track.report
}
