# terraform query, from Terraform 1.14: the reference schemas of the board, ready to be imported.
list "datamesh_reference_schema" "all" {
  provider = datamesh
}
