# terraform query, from Terraform 1.14: the products of one domain, ready to be imported.
list "datamesh_data_product" "sigint" {
  provider         = datamesh
  include_resource = true

  config {
    domain = "sigint"
  }
}
