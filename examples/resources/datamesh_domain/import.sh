# The id is the name.
terraform import datamesh_domain.elint elint
