import {
  to = datamesh_schema.emitter
  identity = {
    domain = "elint"
    name   = "emitter"
  }
}
