# Every reference schema of the board.
data "datamesh_reference_schemas" "all" {}

output "reference_schemas" {
  value = { for s in data.datamesh_reference_schemas.all.reference_schemas : s.name => s.version }
}
