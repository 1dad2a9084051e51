# The id is domain/name.
terraform import datamesh_caveat_policy.partners sigint/partners
