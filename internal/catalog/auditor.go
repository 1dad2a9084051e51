package catalog

import "slices"

// MonitorGroup is the group, in a caller's verified token, of those who keep
// the checkpoints and hashes of the audit log, to hold the log to them later.
// They see how much happens on the platform, and nothing of what.
const MonitorGroup = "log-monitors"

// Audits reports whether the caller reads entries of the audit log, those that
// it is cleared for: an administrator or a member of [AuditGroup], as is the
// service that acts for it.
func (c Caller) Audits() bool { return c.each(Caller.audits) }

// Monitors reports whether the caller knows of the audit log at all: it
// [Caller.Audits], or is a member of [MonitorGroup], and so is the service that
// acts for it.
func (c Caller) Monitors() bool {
	return c.each(func(c Caller) bool { return c.audits() || slices.Contains(c.Groups, MonitorGroup) })
}

func (c Caller) audits() bool { return c.Administrator || slices.Contains(c.Groups, AuditGroup) }

// each holds where it holds for the caller and for the service that acts for it.
func (c Caller) each(holds func(Caller) bool) bool {
	return holds(c) && (c.Via == nil || holds(*c.Via))
}
