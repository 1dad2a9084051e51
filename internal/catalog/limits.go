package catalog

// Limits of what one object may hold. Text is counted in characters.
const (
	MaxLine    = 200    // title, display name, contact, support contact
	MaxText    = 10_000 // description, purpose, limitations
	MaxMarking = 4096   // a marking, in bytes
	MaxURL     = 2048   // a URL, an image reference or a source, in bytes
	MaxTeam    = 200    // members of a domain
	MaxCodes   = 300    // codes, organisations or ids in one list of a caveat policy
	MaxInputs  = 100    // inputs of a product
	MaxPorts   = 50     // output ports of a product
	MaxLinks   = 50     // documentation links of a product
)
