// Package configfile is the configuration of a production server as its
// operator writes it: one YAML file, read strictly. It holds text and numbers,
// names of files and no secrets; what they mean is for those who use them.
//
// An unknown or duplicate key is refused with line and column, and all mistakes
// are told at once. A relative file name, the value of a key that ends in
// _file, _files or _dir, counts from the folder of the configuration. A change of the file takes
// effect with a restart; keys, certificates, revocation lists and key sets that
// it names are read again while the server runs.
package configfile

// File is the whole configuration.
type File struct {
	// Listen is address:port of the HTTPS listener.
	Listen string `yaml:"listen"`
	// PublicURL is where callers reach the server, https://host[:port]; "" for
	// https:// and the address that is listened on.
	PublicURL string `yaml:"public_url"`
	// ConnectionsPerAddress is how many connections one address may have at once;
	// 0 for 256, a quarter of all that are served.
	ConnectionsPerAddress int    `yaml:"connections_per_address"`
	DataDir               string `yaml:"data_dir"`
	// Node names this server in audit entries, such as a SPIFFE id.
	Node string `yaml:"node"`
	// SystemHigh is the banner line that the system is accredited for.
	SystemHigh string `yaml:"system_high"`
	// VocabularyFile is what markings are judged against; "" for the embedded
	// vocabulary.
	VocabularyFile string `yaml:"vocabulary_file"`
	// VocabularyKeys are the public keys, name+id+key, of the authorities of
	// which one must sign each vocabulary that is put in force; none:
	// administrators are enough.
	VocabularyKeys []string `yaml:"vocabulary_keys"`

	TLS               TLS                `yaml:"tls"`
	Issuers           []Issuer           `yaml:"issuers"`
	Services          []Service          `yaml:"services"`
	EnforcementPoints []EnforcementPoint `yaml:"enforcement_points"`
	Gateway           Gateway            `yaml:"gateway"`
	Audit             Audit              `yaml:"audit"`
}

// EnforcementPoint names callers that ask on behalf of others: an issuer with a
// subject as that issuer writes it or a group as its [Values] leave it, or
// [ServiceIssuer] with the identity of a service.
type EnforcementPoint struct {
	Issuer  string `yaml:"issuer"`
	Subject string `yaml:"subject"`
	Group   string `yaml:"group"`
}
