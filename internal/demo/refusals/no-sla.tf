# An active product that promises nothing.
resource "datamesh_data_product" "emitters" {
  sla = null
}
