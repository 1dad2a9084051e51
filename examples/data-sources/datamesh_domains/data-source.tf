# Every domain whose id, name or description has both words.
data "datamesh_domains" "found" {
  search = "signals intelligence"
}

output "contacts" {
  value = { for d in data.datamesh_domains.found.domains : d.id => d.contact }
}
