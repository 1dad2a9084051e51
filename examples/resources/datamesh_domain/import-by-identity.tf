import {
  to = datamesh_domain.elint
  identity = {
    name = "elint"
  }
}
