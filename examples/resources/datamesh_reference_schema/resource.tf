# What the stewardship board asks of every track, whichever domain has it.
resource "datamesh_reference_schema" "track" {
  name        = "track"
  type        = "JSON"
  description = "One object that moves, as last observed."

  # Long definitions read better from a file: definition = file("${path.module}/track.schema.json")
  definition = jsonencode({
    type     = "object"
    required = ["id", "observed_at"]
    properties = {
      id          = { type = "string", description = "Identifier, stable for the life of the track" }
      observed_at = { type = "string", format = "date-time", description = "Time of the last observation, UTC" }
      speed       = { type = "number", description = "Speed over ground", x-unit = "m/s" }
    }
  })
}
