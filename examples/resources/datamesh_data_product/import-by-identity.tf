import {
  to = datamesh_data_product.tracks
  identity = {
    id = "sigint/adversary-track-picture"
  }
}
