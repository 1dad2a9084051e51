package main

import (
	"fmt"
	"strings"
)

// attributes are those of one product, the same for both sides.
const attributes = `
    title       = "Track picture ${each.key}"
    description = "Active tracks of sector ${each.key}, as a GeoJSON feature collection."
    version     = "1.0.0"
    status      = "active"
    marking     = "SECRET//REL TO USA, FVEY"
    output_ports = {
      geojson = {
        type         = "http"
        url          = "http://127.0.0.1:9000/tracks/${each.key}.geojson"
        content_type = "application/geo+json"
        schema       = %s
      }
    }`

// batch is how many objects one block holds. Terraform before 1.13 takes time
// that is quadratic in the instances of a block, which would hide everything
// else.
const batch = 50

// blocks repeats a block of Terraform configuration until it holds count
// objects. The block's verbs are a number, the first and the end of its range.
func blocks(count int, block string) string {
	var b strings.Builder
	for first := 0; first < count; first += batch {
		fmt.Fprintf(&b, block, first/batch, first, min(first+batch, count))
	}
	return b.String()
}

// builtinConfig holds count terraform_data with the attributes of a product.
func builtinConfig(count int) string {
	return blocks(count, `
resource "terraform_data" "batch%02d" {
  for_each = toset([for i in range(%d, %d) : format("p%%04d", i)])
  input = {
    domain = "bench"
    name   = each.key
    sla    = "bench/hourly"`+fmt.Sprintf(attributes, `"bench/track"`)+`
  }
}
`)
}

// productConfig holds count products in a domain of their own.
func productConfig(count int) string {
	return fmt.Sprintf(`terraform {
  required_providers {
    datamesh = { source = "meshwright/datamesh" }
  }
}

resource "datamesh_domain" "bench" {
  name                = "bench-%d"
  display_name        = "Benchmark"
  discipline          = "SIGINT"
  contact             = "bench@enclave.example"
  team                = { "a.stone" = { role = "owner" } }
  deletion_protection = false
}

resource "datamesh_sla" "hourly" {
  domain    = datamesh_domain.bench.name
  name      = "hourly"
  freshness = { max_age = "1h", anchor = "schedule", target_percent = 99, window = "30d" }
}

resource "datamesh_schema" "track" {
  domain     = datamesh_domain.bench.name
  name       = "track"
  type       = "JSON"
  definition = jsonencode({
    "$schema"  = "https://json-schema.org/draft/2020-12/schema"
    type       = "object"
    properties = { id = { type = "string", description = "Track number." } }
  })
}
`, count) + blocks(count, `
resource "datamesh_data_product" "batch%02d" {
  for_each = toset([for i in range(%d, %d) : format("p%%04d", i)])

  domain = datamesh_domain.bench.name
  name   = each.key
  sla    = datamesh_sla.hourly.id`+fmt.Sprintf(attributes, "datamesh_schema.track.id")+`

    deletion_protection = false
}
`)
}
