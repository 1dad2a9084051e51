# The id is domain/name.
terraform import datamesh_data_product.tracks sigint/adversary-track-picture
