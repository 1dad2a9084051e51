import {
  to = datamesh_data_product.tracks
  identity = {
    domain = "sigint"
    name   = "adversary-track-picture"
  }
}
