resource "datamesh_domain" "elint" {
  name         = "elint"
  display_name = "ELINT analysis cell"
  discipline   = "SIGINT"
  contact      = "elint-data@enclave.example"
  team         = { "c.field" = { role = "owner" } }

  deletion_protection = false # on by default; an example has to be destroyable
}

resource "datamesh_schema" "emitter" {
  domain        = datamesh_domain.elint.name
  name          = "emitter"
  type          = "AVRO"
  compatibility = "FULL_TRANSITIVE"
  description   = "One known emitter and its parameters."

  # Version 1 of another schema, under the name by which the definition uses it.
  references = {
    "example.enclave.elint.Band" = { schema = datamesh_schema.band.id, version = 1 }
  }

  # Long definitions read better from a file: definition = file("${path.module}/emitter.avsc")
  definition = jsonencode({
    type      = "record"
    name      = "Emitter"
    namespace = "example.enclave.elint"
    doc       = "A known emitter."
    fields = [
      { name = "id", type = "string", doc = "Identifier of the emitter." },
      { name = "carrier", type = "Band", doc = "Band of the carrier frequency." },
    ]
  })
}

resource "datamesh_schema" "band" {
  domain      = datamesh_domain.elint.name
  name        = "band"
  type        = "AVRO"
  description = "A band of frequencies."

  definition = jsonencode({
    type      = "record"
    name      = "Band"
    namespace = "example.enclave.elint"
    doc       = "A band of frequencies."
    fields = [
      { name = "low", type = "double", doc = "Lower bound, hertz." },
      { name = "high", type = "double", doc = "Upper bound, hertz." },
    ]
  })
}
