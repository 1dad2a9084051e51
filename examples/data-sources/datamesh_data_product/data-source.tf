# The marking of a product that another team owns.
data "datamesh_data_product" "tracks" {
  domain = "sigint"
  name   = "adversary-track-picture"
}

output "marking_of_the_tracks" {
  value = data.datamesh_data_product.tracks.effective_marking
}
