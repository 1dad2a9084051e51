import {
  to = datamesh_reference_schema.track
  identity = {
    name = "track"
  }
}
