# terraform query, from Terraform 1.14: the active products of one domain, ready to be imported.
list "datamesh_data_product" "active" {
  provider         = datamesh
  include_resource = true

  config {
    domain = "sigint"
    status = "active"
  }
}
