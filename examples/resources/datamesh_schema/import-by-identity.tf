import {
  to = datamesh_schema.emitter
  identity = {
    id = "elint/emitter"
  }
}
