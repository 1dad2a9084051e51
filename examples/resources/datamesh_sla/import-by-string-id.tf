import {
  to = datamesh_sla.hourly
  id = "sigint/hourly"
}
