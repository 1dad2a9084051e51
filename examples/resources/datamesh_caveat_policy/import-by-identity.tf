import {
  to = datamesh_caveat_policy.partners
  identity = {
    domain = "sigint"
    name   = "partners"
  }
}
