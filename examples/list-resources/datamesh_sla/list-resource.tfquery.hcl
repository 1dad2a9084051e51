# terraform query, from Terraform 1.14: the service levels that mention a word, ready to be imported.
list "datamesh_sla" "hourly" {
  provider = datamesh

  config {
    search = "hourly"
  }
}
