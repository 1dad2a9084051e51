# The annotations released to all of the Five Eyes, although their caveat policy
# excludes New Zealand.
resource "datamesh_data_product" "annotations" {
  marking = "SECRET//REL TO USA, FVEY"
}
