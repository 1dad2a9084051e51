# The id is domain/name.
terraform import datamesh_schema.emitter elint/emitter
