data "datamesh_domain" "sigint" {
  name = "sigint"
}

output "owners_of_sigint" {
  value = [for subject, member in data.datamesh_domain.sigint.team : subject if member.role == "owner"]
}
