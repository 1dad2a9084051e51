# The id is domain/name.
terraform import datamesh_sla.hourly sigint/hourly
