package catalog

// Discipline is the intelligence discipline of a domain.
type Discipline string

// The disciplines. OTHER is for domains that collect nothing themselves, such
// as a fusion cell.
const (
	DisciplineHUMINT Discipline = "HUMINT"
	DisciplineSIGINT Discipline = "SIGINT"
	DisciplineGEOINT Discipline = "GEOINT"
	DisciplineMASINT Discipline = "MASINT"
	DisciplineOSINT  Discipline = "OSINT"
	DisciplineOther  Discipline = "OTHER"
)

// Role is what a member of a domain's team may do.
type Role string

// The roles. Owners write the domain and all its objects; stewards write its
// objects; engineers and releasers are recorded and write nothing here.
const (
	RoleOwner    Role = "owner"
	RoleSteward  Role = "steward"
	RoleEngineer Role = "engineer"
	RoleReleaser Role = "releaser"
)

// Domain is a team that owns and publishes data products. Domains form a tree
// without cycles, and each has at least one owner.
//
// # Marked domains
//
// A domain with a Marking, and everything in it or below it, exists only for
// those whom that marking lets read, joined with the markings of all domains
// above: its name, those of its objects and of its subjects in the registry. A
// member of its team who is not let in is nobody there. Administrators see all.
type Domain struct {
	ID          string     `json:"id"` // read-only: the name
	Name        string     `json:"name"`
	DisplayName string     `json:"display_name"`
	Description string     `json:"description,omitempty"`
	Discipline  Discipline `json:"discipline"`
	Parent      string     `json:"parent,omitempty"` // name of the domain above, "" at a root
	Contact     string     `json:"contact"`
	// Marking says who may know that the domain and what is in it exist, as a
	// banner line; "" for every authenticated caller. Owners raise it, only
	// administrators lower it.
	Marking string `json:"marking,omitempty"`
	// Team maps the subject of a verified token to what it may do.
	Team map[string]Member `json:"team"`
	// DeletionProtection refuses deletion until it is set to false.
	DeletionProtection bool `json:"deletion_protection"`
}

// Member is one person or service in a domain's team.
type Member struct {
	Role Role `json:"role"`
	// From and Until bound the membership: calendar dates (RFC 3339
	// full-date, UTC), both inclusive, "" when open. Outside them the
	// member counts for nothing.
	From  string `json:"from,omitempty"`
	Until string `json:"until,omitempty"`
}
