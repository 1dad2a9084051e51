package configfile

// TLS is how the server proves itself and whom it believes.
type TLS struct {
	CertificateFile string `yaml:"certificate_file"` // with its intermediates, PEM
	KeyFile         string `yaml:"key_file"`         // PEM, not readable by everybody
	// ClientCAFiles are the only anchors of client certificates, PEM. Without
	// them no client certificate is accepted.
	ClientCAFiles []string `yaml:"client_ca_files"`
	// CRLFiles are revocation lists of the authorities, PEM or DER. With any,
	// every authority in a chain needs one that is current.
	CRLFiles []string `yaml:"crl_files"`
}

// Issuer is an identity provider whose tokens count.
type Issuer struct {
	Issuer string `yaml:"issuer"` // the iss claim
	// Name keeps what this issuer says apart from what others say: its
	// subjects and groups begin with the name and a slash. One issuer may have
	// none, and it alone speaks of the groups that the platform knows.
	Name string `yaml:"name"`
	// JWKSFile is its key set; "" to find the keys by OIDC discovery.
	JWKSFile string `yaml:"jwks_file"`
	// CAFiles are the anchors for discovery; the system's are never used.
	CAFiles []string `yaml:"ca_files"`
	// Audiences are ours: a token names one of them.
	Audiences  []string `yaml:"audiences"`
	Algorithms []string `yaml:"algorithms"` // of [Algorithms]
	// TokenTypes are the types of its access tokens, of [TokenTypes]; none for all
	// of them. An issuer that writes at+jwt can be told to send nothing else, so
	// that no ID token is taken for one.
	TokenTypes []string `yaml:"token_types"`
	// Claims say where in a token to find what.
	Claims Claims `yaml:"claims"`
	// Values say what the values found there stand for; none where they are
	// those of the marking vocabulary.
	Values Values `yaml:"values"`
}

// Claims are paths of claims, with dots between members; see [ClaimPath]. A
// claim without a path is not read.
type Claims struct {
	Subject      string `yaml:"subject"` // "" for sub
	Clearance    string `yaml:"clearance"`
	Countries    string `yaml:"countries"`
	ReadIns      string `yaml:"read_ins"`
	Organization string `yaml:"organization"`
	Employment   string `yaml:"employment"`
	Groups       string `yaml:"groups"`
	Purposes     string `yaml:"purposes"`
	// AdministratorGroup is the group whose members are administrators, as the
	// issuer writes it or, with [Values] for groups, as they leave it; "" for none.
	AdministratorGroup string `yaml:"administrator_group"`
}

// ServiceIssuer is the issuer of services, where one is asked for.
const ServiceIssuer = "urn:datamesh:services"

// Service is a caller that proves itself with a client certificate.
type Service struct {
	// Identity is the SPIFFE id or DNS name in the certificate.
	Identity string `yaml:"identity"`
	// ActsFor lets it send the tokens of users and act for them. Such a caller
	// may do what both may.
	ActsFor bool `yaml:"acts_for"`

	Clearance    string   `yaml:"clearance"`
	Countries    []string `yaml:"countries"`
	ReadIns      []string `yaml:"read_ins"`
	Organization string   `yaml:"organization"`
	Employment   string   `yaml:"employment"`
	Groups       []string `yaml:"groups"`
	Purposes     []string `yaml:"purposes"`
	// Administrator lets it create domains and write everything.
	Administrator bool `yaml:"administrator"`
}
