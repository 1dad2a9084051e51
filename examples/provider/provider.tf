terraform {
  required_providers {
    datamesh = {
      source = "meshwright/datamesh"
    }
  }
}

provider "datamesh" {
  endpoint   = "https://mesh.enclave.example"
  token_file = "/run/secrets/datamesh/token" # read again when the platform refuses the token
  ca_file    = "/etc/pki/enclave-ca.pem"     # trust the enclave's authority and no other

  max_requests_per_second = 50
}
