package configfile

// Audit is who else keeps the audit log.
type Audit struct{}
