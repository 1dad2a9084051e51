import {
  to = datamesh_caveat_policy.partners
  id = "sigint/partners"
}
