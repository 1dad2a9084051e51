import {
  to = datamesh_domain.elint
  id = "elint"
}
