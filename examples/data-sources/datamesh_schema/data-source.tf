data "datamesh_schema" "track" {
  domain = "sigint"
  name   = "adversary-track"
}

output "version_of_the_track_schema" {
  value = data.datamesh_schema.track.version
}
