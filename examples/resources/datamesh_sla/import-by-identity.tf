import {
  to = datamesh_sla.hourly
  identity = {
    domain = "sigint"
    name   = "hourly"
  }
}
