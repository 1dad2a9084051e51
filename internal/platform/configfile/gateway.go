package configfile

// Gateway is where the gateway may fetch data from. What is not named here is
// not fetched, whatever a product says.
type Gateway struct{}
