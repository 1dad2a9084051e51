import {
  to = datamesh_reference_schema.track
  id = "track"
}
