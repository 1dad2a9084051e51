data "datamesh_schema" "track" {
  domain = "sigint"
  name   = "adversary-track"

  # Refuse to build on records whose fields do not say what they mean.
  lifecycle {
    postcondition {
      condition     = length(self.report.undescribed) == 0
      error_message = "Not described: ${join(", ", self.report.undescribed[*].path)}."
    }
  }
}

# Where serializers find the schema in the registry.
output "subject_and_id_of_the_track_schema" {
  value = [data.datamesh_schema.track.subject, data.datamesh_schema.track.schema_id]
}
