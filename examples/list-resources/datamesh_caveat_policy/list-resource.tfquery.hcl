# terraform query, from Terraform 1.14: the caveat policies of one domain, ready to be imported.
list "datamesh_caveat_policy" "sigint" {
  provider = datamesh

  config {
    domain = "sigint"
  }
}
