# DATAMESH_ENDPOINT and DATAMESH_TOKEN say the rest.
provider "datamesh" {}
