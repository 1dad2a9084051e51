# The fused picture as an eager author might mark it: New Zealand is one of the
# Five Eyes, but the annotations that go into the picture are kept from it.
resource "datamesh_data_product" "picture" {
  marking = "SECRET//REL TO USA, FVEY"
}
