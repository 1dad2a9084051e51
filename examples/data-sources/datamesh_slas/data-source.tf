data "datamesh_slas" "sigint" {
  domain = "sigint"
}

output "promises" {
  value = { for s in data.datamesh_slas.sigint.slas : s.id => s.description }
}
