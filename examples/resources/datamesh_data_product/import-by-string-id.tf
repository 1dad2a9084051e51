import {
  to = datamesh_data_product.tracks
  id = "sigint/adversary-track-picture"
}
