package configfile

// Audit is who else keeps the audit log.
type Audit struct {
	Witnesses Witnesses `yaml:"witnesses"`
	Copy      AuditCopy `yaml:"copy"`
}

// Witnesses cosign the checkpoints of the audit log (C2SP tlog-witness). With
// none, a checkpoint has the log's own signature only.
type Witnesses struct {
	// Quorum is how many must cosign a checkpoint before it is published; 0
	// for all of them.
	Quorum int `yaml:"quorum"`
	// Patience is how long entries may be without a quorum before the server
	// is not ready, such as 10m, which is the default.
	Patience string    `yaml:"patience"`
	Members  []Witness `yaml:"members"`
}

// Witness is one of them.
type Witness struct {
	// URL is its submission prefix: https, or http to this machine.
	URL string `yaml:"url"`
	// Key is its public key, name+id+key.
	Key string `yaml:"key"`
	// CAFiles are the anchors of its certificate; the system's are never used.
	CAFiles []string `yaml:"ca_files"`
}

// AuditCopy is a bucket with Object Lock that the log is copied to; none when
// Endpoint is "".
type AuditCopy struct {
	// Endpoint is the S3 server: https://host[:port], or http to this machine.
	Endpoint string `yaml:"endpoint"`
	Bucket   string `yaml:"bucket"`
	// Prefix is put before the names of objects, "" for none.
	Prefix string `yaml:"prefix"`
	Region string `yaml:"region"`
	// AccessKeyFile and SecretKeyFile hold the credentials.
	AccessKeyFile string   `yaml:"access_key_file"`
	SecretKeyFile string   `yaml:"secret_key_file"`
	CAFiles       []string `yaml:"ca_files"`
	// Retention is for how many days an object cannot be deleted by anybody.
	Retention int `yaml:"retention_days"`
	// Interval is how often a checkpoint is copied, such as 10m, which is the
	// default; whole tiles follow it.
	Interval string `yaml:"interval"`
}
