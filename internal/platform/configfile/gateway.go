package configfile

// Gateway is where the gateway may fetch data from. What is not named here is
// not fetched, whatever a product says: a product's URL is written by its owner,
// and the gateway has credentials that the owner may not have.
type Gateway struct {
	HTTP        []HTTPSource      `yaml:"http"`
	S3          []S3Source        `yaml:"s3"`
	Directories []DirectorySource `yaml:"directories"`
	// FilterMemoryMiB is how much memory all streams together may hold whose
	// records are filtered, in MiB; 0 for 512.
	FilterMemoryMiB int `yaml:"filter_memory_mib"`
}

// HTTPSource is a web server, for ports of type http and stix-taxii.
type HTTPSource struct {
	// URL is what the URLs of ports are or lie below: https://host[:port]/path.
	URL string `yaml:"url"`
	// Domains are those whose products may be served from here; "*" for all.
	Domains []string `yaml:"domains"`
	// CAFiles are the only anchors of its certificate, PEM.
	CAFiles []string `yaml:"ca_files"`
	// Networks are the prefixes, such as 10.1.0.0/16, of the addresses that its
	// name may lead to; none for any but loopback and link-local ones. Without
	// TLS they must be loopback networks.
	Networks []string `yaml:"networks"`
	// CertificateFile and KeyFile are what the gateway proves itself with, PEM;
	// "" for nothing.
	CertificateFile string `yaml:"certificate_file"`
	KeyFile         string `yaml:"key_file"`
}

// S3Source is an object store, for ports of type s3.
type S3Source struct {
	// Endpoint is the service's own URL, https://host[:port].
	Endpoint string `yaml:"endpoint"`
	Region   string `yaml:"region"`
	// PathStyle has the bucket in the path, not in the host's name.
	PathStyle bool     `yaml:"path_style"`
	Buckets   []string `yaml:"buckets"`
	// AccessKeyFile and SecretKeyFile hold the credentials, a line each.
	AccessKeyFile string `yaml:"access_key_file"`
	SecretKeyFile string `yaml:"secret_key_file"`
	// Domains, CAFiles and Networks are as of HTTPSource.
	Domains  []string `yaml:"domains"`
	CAFiles  []string `yaml:"ca_files"`
	Networks []string `yaml:"networks"`
}

// DirectorySource is a folder of this machine, for ports of type file.
type DirectorySource struct {
	// Path is absolute: what the paths of ports are or lie below.
	Path    string   `yaml:"path"`
	Domains []string `yaml:"domains"` // as of HTTPSource
}
