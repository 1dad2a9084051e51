# terraform query, from Terraform 1.14: every domain, ready to be imported.
list "datamesh_domain" "all" {
  provider = datamesh
}
