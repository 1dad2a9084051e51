provider "datamesh" {
  endpoint         = "https://mesh.enclave.example"
  ca_file          = "/etc/pki/enclave-ca.pem"
  client_cert_file = "/etc/pki/terraform.pem"
  client_key_file  = "/etc/pki/terraform.key"
}
