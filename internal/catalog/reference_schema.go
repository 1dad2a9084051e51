package catalog

// ReferenceSchema is what the stewardship board asks of every schema of one
// sort, such as a track, an entity or an event. It belongs to no domain. Every
// change of Definition registers a new version; numbers are never used again.
//
// Administrators and callers of group [BoardGroup] write it.
type ReferenceSchema struct {
	ID          string     `json:"id"` // read-only: the name
	Name        string     `json:"name"`
	Description string     `json:"description,omitempty"`
	Type        SchemaType `json:"type"`              // cannot change
	Definition  string     `json:"definition"`        // text as its author wrote it, at most MaxDefinition
	Version     int        `json:"version,omitempty"` // read-only: 1 for the first definition
}

// BoardGroup is the group, in a caller's verified token, of those who speak for
// the stewardship board.
const BoardGroup = "stewardship-board"
