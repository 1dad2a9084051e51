// Package records takes a stream of records that each carry a portion mark of
// their own, and leaves out those that a reader may not see. It is pure: bytes
// in, bytes out, in constant memory, one record at a time.
//
// # What is a record
//
//	GeoJSON     each feature of a FeatureCollection (RFC 7946), or a Feature by itself
//	STIX        each object of a STIX 2.1 bundle
//	JSON Lines  each line
//	Avro        each record of an object container file
//
// What surrounds the records (the members of a collection, the header of a
// container) is passed on. A record is passed on as it was sent or not at all.
//
// # Closed by default
//
// The caller says which property holds the mark. A record without it, with a
// mark that is no text, or with the property twice, is withheld. Input that is
// not of the format ends the stream with an error: what was written before is
// a prefix that no parser takes for the whole.
package records

import "errors"

// Format is a way to write records.
type Format string

// The formats.
const (
	GeoJSON   Format = "geojson"
	STIX      Format = "stix"
	JSONLines Format = "jsonlines"
	Avro      Format = "avro"
)

// ErrMalformed is returned, wrapped, for input that is not of the format or
// exceeds a limit.
var ErrMalformed = errors.New("the records cannot be read")

// Tally counts records.
type Tally struct{ Delivered, Withheld int64 }
