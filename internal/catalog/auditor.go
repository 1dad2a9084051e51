package catalog

import "slices"

// MonitorGroup is the group, in a caller's verified token, of those who keep
// the checkpoints and hashes of the audit log, to hold the log to them later.
// They see how much happens on the platform, and nothing of what.
const MonitorGroup = "log-monitors"

// Audits reports whether the caller reads entries of the audit log, those that
// it is cleared for: an administrator or a member of [AuditGroup].
func (c Caller) Audits() bool {
	return c.both(func(c Caller) bool { return c.Administrator || slices.Contains(c.Groups, AuditGroup) })
}

// Monitors reports whether the caller knows of the audit log at all: it
// [Caller.Audits], or is a member of [MonitorGroup].
func (c Caller) Monitors() bool {
	return c.both(func(c Caller) bool {
		return c.Administrator || slices.Contains(c.Groups, AuditGroup) || slices.Contains(c.Groups, MonitorGroup)
	})
}

// Administers reports whether the caller is an administrator, and so is whoever
// acts for it.
func (c Caller) Administers() bool {
	return c.both(func(c Caller) bool { return c.Administrator })
}

// both holds where it holds for the caller and for whoever acts for it.
func (c Caller) both(holds func(Caller) bool) bool {
	return holds(c) && (c.Via == nil || holds(*c.Via))
}
