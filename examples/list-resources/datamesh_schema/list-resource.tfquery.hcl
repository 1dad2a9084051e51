# terraform query, from Terraform 1.14: the schemas of one domain, ready to be imported.
list "datamesh_schema" "sigint" {
  provider = datamesh

  config {
    domain = "sigint"
  }
}
