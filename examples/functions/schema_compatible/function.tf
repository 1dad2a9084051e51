locals {
  # What consumers still hold data of, oldest first. Long texts read better from files: file("${path.module}/track-v1.avsc")
  released = [
    jsonencode({
      type = "record"
      name = "Track"
      fields = [
        { name = "id", type = "string" },
      ]
    }),
    jsonencode({
      type = "record"
      name = "Track"
      fields = [
        { name = "id", type = "string" },
        { name = "speed_mps", type = ["null", "double"], default = null },
      ]
    }),
  ]

  # A new field without a default would break consumers: they could not read older data.
  next = jsonencode({
    type = "record"
    name = "Track"
    fields = [
      { name = "id", type = "string" },
      { name = "speed_mps", type = ["null", "double"], default = null },
      { name = "course_deg", type = ["null", "double"], default = null },
    ]
  })
}

# Stops the plan, before any consumer breaks.
output "track_schema" {
  value = local.next

  precondition {
    condition     = provider::datamesh::schema_compatible("AVRO", "FULL_TRANSITIVE", local.released, local.next)
    error_message = "The track schema breaks a released version. To see why: datamesh schema check --type AVRO --mode FULL_TRANSITIVE OLD... NEW"
  }
}
