package catalog

// MonitorGroup is the group, in a caller's verified token, of those who keep
// the checkpoints and hashes of the audit log, to hold the log to them later.
// They see how much happens on the platform, and nothing of what.
const MonitorGroup = "log-monitors"

// Audits reports whether the caller reads entries of the audit log, those that
// it is cleared for: an administrator or a member of [AuditGroup].
func (c Caller) Audits() bool { return c.Administers() || c.InGroup(AuditGroup) }

// Monitors reports whether the caller knows of the audit log at all: it
// [Caller.Audits], or is a member of [MonitorGroup].
func (c Caller) Monitors() bool { return c.Audits() || c.InGroup(MonitorGroup) }
