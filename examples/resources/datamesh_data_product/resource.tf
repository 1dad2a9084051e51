resource "datamesh_domain" "sigint" {
  name         = "sigint"
  display_name = "Signals intelligence"
  discipline   = "SIGINT"
  contact      = "sigint-data@enclave.example"
  team         = { "a.stone" = { role = "owner" } }

  deletion_protection = false # on by default; an example has to be destroyable
}

resource "datamesh_schema" "track" {
  domain = datamesh_domain.sigint.name
  name   = "adversary-track"
  type   = "JSON"
  definition = jsonencode({
    "$schema"   = "https://json-schema.org/draft/2020-12/schema"
    title       = "Track"
    type        = "object"
    description = "One track."
    properties = {
      id    = { type = "string", description = "Number of the track." }
      speed = { type = "number", description = "Speed over ground, metres per second.", "x-unit" = "m/s" }
    }
  })
}

resource "datamesh_caveat_policy" "partners" {
  domain        = datamesh_domain.sigint.name
  name          = "five-eyes"
  releasable_to = ["USA", "FVEY"]
  excluded      = []
}

resource "datamesh_sla" "track" {
  domain    = datamesh_domain.sigint.name
  name      = "fifteen-minutes"
  freshness = { max_age = "15m", anchor = "schedule", target_percent = 99, window = "30d" }
}

resource "datamesh_data_product" "tracks" {
  domain        = datamesh_domain.sigint.name
  name          = "adversary-track-picture"
  title         = "Current adversary track picture"
  description   = "Active tracks derived from signals intelligence, as a GeoJSON feature collection."
  version       = "1.0.0"
  status        = "active"
  marking       = "SECRET//REL TO USA, FVEY"
  caveat_policy = datamesh_caveat_policy.partners.id
  sla           = datamesh_sla.track.id

  output_ports = {
    geojson = {
      type         = "http"
      url          = "https://tracks.enclave.example/tracks.geojson"
      content_type = "application/geo+json"
      schema       = datamesh_schema.track.id
    }
  }

  pipeline = {
    image  = "registry.enclave.example/sigint/tracker@sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
    source = "sigint-collection-feed"
  }

  documentation_links = ["https://docs.enclave.example/tracks"]
  purpose             = "Shared situational awareness."
  limitations         = "Tracks older than fifteen minutes are dropped."
  support_contact     = "sigint-data@enclave.example"

  deletion_protection = false # on by default; an example has to be destroyable
}

# A product derived from another inherits its marking. What it inherits is
# known before anything is applied, and declaring less is refused.
resource "datamesh_data_product" "summary" {
  domain  = datamesh_domain.sigint.name
  name    = "daily-track-summary"
  title   = "Daily track summary"
  version = "0.1.0"
  marking = "SECRET//REL TO USA, FVEY"
  inputs  = [datamesh_data_product.tracks.id]

  deletion_protection = false # on by default; an example has to be destroyable
}

output "marking_of_the_summary" {
  value = datamesh_data_product.summary.effective_marking
}
