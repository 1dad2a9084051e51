data "datamesh_schema" "track" {
  id = "sigint/adversary-track"
}

output "version_of_the_track_schema" {
  value = data.datamesh_schema.track.version
}
