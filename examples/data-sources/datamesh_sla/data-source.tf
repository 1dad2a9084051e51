data "datamesh_sla" "track" {
  domain = "sigint"
  name   = "fifteen-minutes"
}

output "oldest_track" {
  value = data.datamesh_sla.track.freshness.max_age
}
