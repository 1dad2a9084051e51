import {
  to = datamesh_schema.emitter
  id = "elint/emitter"
}
