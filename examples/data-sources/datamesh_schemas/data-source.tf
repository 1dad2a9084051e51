# Every schema of one domain.
data "datamesh_schemas" "sigint" {
  domain = "sigint"
}

output "sigint_schemas" {
  value = { for s in data.datamesh_schemas.sigint.schemas : s.id => s.version }
}
