# "SECRET//REL TO USA, FVEY"
output "banner" {
  value = provider::datamesh::marking_banner("(S//REL TO USA, FVEY)")
}
