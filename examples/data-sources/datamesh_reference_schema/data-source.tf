data "datamesh_reference_schema" "track" {
  name = "track"
}

# A conforms_to that stays with this version: "track@3".
output "conforms_to" {
  value = "${data.datamesh_reference_schema.track.name}@${data.datamesh_reference_schema.track.version}"
}
