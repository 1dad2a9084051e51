# The marking of a product that another team owns.
data "datamesh_data_product" "tracks" {
  id = "sigint/adversary-track-picture"
}

output "marking_of_the_tracks" {
  value = data.datamesh_data_product.tracks.effective_marking
}
