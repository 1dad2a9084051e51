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

  # Long definitions read better from a file: definition = file("${path.module}/emitter.avsc")
  definition = jsonencode({
    type      = "record"
    name      = "Emitter"
    namespace = "example.enclave.elint"
    doc       = "A known emitter."
    fields = [
      { name = "id", type = "string", doc = "Identifier of the emitter." },
      { name = "frequency_min", type = "double", doc = "Lower bound of the carrier frequency, hertz." },
      { name = "frequency_max", type = "double", doc = "Upper bound of the carrier frequency, hertz." },
    ]
  })
}
