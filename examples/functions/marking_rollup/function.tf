# "SECRET//REL TO USA, AUS, CAN, GBR": what is made of both goes only to those whom both go to.
output "derived" {
  value = provider::datamesh::marking_rollup([
    "SECRET//REL TO USA, FVEY",
    "SECRET//REL TO USA, AUS, CAN, GBR",
  ])
}
