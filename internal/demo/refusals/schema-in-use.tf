# The schema goes, and the product that serves it stays: it names the schema by
# its id, so Terraform itself sees no connection.
resource "datamesh_schema" "emitter" {
  count = 0
}

resource "datamesh_data_product" "emitters" {
  output_ports = {
    records = {
      type         = "s3"
      url          = "s3://elint/emitters/"
      content_type = "avro/binary"
      schema       = "elint/emitter"
    }
  }
}
