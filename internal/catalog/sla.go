package catalog

// Anchor is what the age of data is measured from.
type Anchor string

// The anchors: the planned publication time, or the event that the data tell of.
const (
	AnchorSchedule Anchor = "schedule"
	AnchorEvent    Anchor = "event"
)

// SLA is what a domain promises about a product: at least one objective.
type SLA struct {
	ID           string     `json:"id"` // read-only: domain/name
	Domain       string     `json:"domain"`
	Name         string     `json:"name"`
	Description  string     `json:"description,omitempty"`
	Freshness    *Freshness `json:"freshness,omitempty"`
	Completeness *Objective `json:"completeness,omitempty"`
	Availability *Objective `json:"availability,omitempty"`
	Accuracy     *Objective `json:"accuracy,omitempty"`
}

// Freshness promises that data are at most MaxAge old, TargetPercent of the
// time within Window.
type Freshness struct {
	MaxAge        Duration `json:"max_age"`
	Anchor        Anchor   `json:"anchor"`
	TargetPercent float64  `json:"target_percent"` // above 0, at most 100
	Window        Duration `json:"window"`
}

// Objective promises a share of good outcomes within a window.
type Objective struct {
	TargetPercent float64  `json:"target_percent"` // above 0, at most 100
	Window        Duration `json:"window"`
}
