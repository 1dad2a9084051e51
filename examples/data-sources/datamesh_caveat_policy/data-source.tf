data "datamesh_caveat_policy" "five_eyes" {
  domain = "sigint"
  name   = "five-eyes"
}

output "widest_audience" {
  value = data.datamesh_caveat_policy.five_eyes.releasable_to
}
