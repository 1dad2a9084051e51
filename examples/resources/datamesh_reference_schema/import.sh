# The id is the name.
terraform import datamesh_reference_schema.track track
