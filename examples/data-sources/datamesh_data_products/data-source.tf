# Every active product about tracks, of all domains.
data "datamesh_data_products" "tracks" {
  search = "track"
  status = "active"
}

output "active_track_products" {
  value = { for p in data.datamesh_data_products.tracks.data_products : p.id => p.effective_marking }
}
