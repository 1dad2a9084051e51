package configfile

// TLS is how the server proves itself and whom it believes.
type TLS struct {
	CertificateFile string `yaml:"certificate_file"`
	KeyFile         string `yaml:"key_file"`
	// ClientCAFiles are the only anchors of client certificates.
	ClientCAFiles []string `yaml:"client_ca_files"`
	// CRLFiles are revocation lists of the authorities, PEM or DER.
	CRLFiles []string `yaml:"crl_files"`
}

// Issuer is an identity provider whose tokens count.
type Issuer struct {
	Issuer string `yaml:"issuer"`
	// JWKSFile is its key set; "" to find the keys by OIDC discovery.
	JWKSFile string `yaml:"jwks_file"`
	// CAFiles are the anchors for discovery; the system's are never used.
	CAFiles    []string `yaml:"ca_files"`
	Audiences  []string `yaml:"audiences"`
	Algorithms []string `yaml:"algorithms"`
	// Claims say where in a token to find what.
	Claims Claims `yaml:"claims"`
}

// Claims are paths of claims, with dots between members.
type Claims struct {
	Subject            string `yaml:"subject"`
	Clearance          string `yaml:"clearance"`
	Countries          string `yaml:"countries"`
	ReadIns            string `yaml:"read_ins"`
	Organization       string `yaml:"organization"`
	Employment         string `yaml:"employment"`
	Groups             string `yaml:"groups"`
	Purposes           string `yaml:"purposes"`
	AdministratorGroup string `yaml:"administrator_group"`
}

// Service is a caller that proves itself with a client certificate.
type Service struct {
	// Identity is the SPIFFE id or DNS name in the certificate.
	Identity string `yaml:"identity"`
}
