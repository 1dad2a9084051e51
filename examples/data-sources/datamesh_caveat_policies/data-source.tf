# Which policies shut somebody out?
data "datamesh_caveat_policies" "all" {}

output "exclusions" {
  value = { for p in data.datamesh_caveat_policies.all.caveat_policies : p.id => p.excluded if length(p.excluded) > 0 }
}
