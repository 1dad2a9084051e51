// Package registryapi serves the REST API of the Confluent Schema Registry over
// any [catalog.Registry], so that its clients work unmodified. It knows the
// network and nothing of the platform.
//
// A request passes the gates of package door, then the media type of the
// answer, the route, the query, the names in the path and the body.
//
// # Paths
//
// Everything lies below [Prefix]. The path is cut at its slashes as it was
// sent, and what stands for a name in it is then percent-decoded exactly once:
// a subject may hold a slash, written %2F, because the default name of a
// Protobuf import's subject is its path. The fixed parts are never decoded, and
// nothing is cleaned or redirected: an empty segment, a dot segment or a slash
// at the end names nothing. A subject of dot segments is refused, because
// clients and proxies rewrite its address on the way.
//
// Below contexts/{context}/ every path stands a second time: names that say no
// context are of that one then.
//
// # Query
//
// A parameter that some operation of the API takes is accepted by all of them,
// because clients send their defaults everywhere. Any other is ignored by what
// reads, because clients send stray ones there, and refused by what changes: a
// misspelled one would have meant something. One given twice is refused. Values
// are true or false, in any case, and whole numbers.
//
// # Bodies
//
// Reading is strict as in package strictjson. A member that asks for what the
// registry does not do (metadata, rule sets, aliases, …) is refused unless it is
// empty: who sets a rule that encrypts a field must not believe it is in force.
// The same holds for members that nobody knows.
//
// # Errors
//
// A refusal is {"error_code":40401,"message":"Subject 'x' not found."}. One
// table ties the rules of the catalogue to Confluent's codes, and the code's
// first three digits are the status, save for 42209 with 413 when the body is
// too long and 50002 and 50003 with 503. Not Confluent's are 40101 for a caller
// who is not known and 40301 for one who may not.
package registryapi
