package catalog

// Inheritance says what a caveat policy asks of products derived from the
// product that it covers.
type Inheritance string

// The inheritance rules.
const (
	// InheritCarryAll: whoever this policy shuts out stays shut out of
	// everything derived, at any depth. The default.
	InheritCarryAll Inheritance = "carry_all"
	// InheritCarryOrStricter: as carry_all, and a derived product that names
	// a caveat policy of its own must name one at least as strict.
	InheritCarryOrStricter Inheritance = "carry_or_stricter"
	// InheritOwnerApproval: as carry_all, and a product of another domain may
	// only be active when this policy lists it in ApprovedDependants.
	InheritOwnerApproval Inheritance = "owner_approval"
)

// CaveatPolicy bounds how far products of a domain may be released. A product
// that names it is refused when its effective marking releases it to anyone
// outside ReleasableTo and DisplayOnlyTo, or to a nation in Excluded, which
// always wins. Each decision on the product holds the nations of whoever asks
// against the same lists again, as the vocabulary in force expands them: a nation
// that has since joined a group of the marking is let in only where it is on a
// list too. Of a code that is not known any more, ReleasableTo and DisplayOnlyTo
// let in nobody, and Excluded shuts out everybody. Codes are GENC trigraphs or
// tetragraphs of the vocabulary.
type CaveatPolicy struct {
	ID          string `json:"id"` // read-only: domain/name
	Domain      string `json:"domain"`
	Name        string `json:"name"`
	Description string `json:"description,omitempty"`
	// ReleasableTo is the widest audience that may hold the data. Empty
	// means nobody but the owner's nation.
	ReleasableTo  []string    `json:"releasable_to"`
	DisplayOnlyTo []string    `json:"display_only_to,omitempty"`
	Excluded      []string    `json:"excluded"`
	Inheritance   Inheritance `json:"inheritance,omitempty"` // default carry_all
	// DisseminationList names the organisations that may see ORCON products.
	DisseminationList []string `json:"dissemination_list,omitempty"`
	// ApprovedDependants are ids of products of other domains that may be
	// derived under InheritOwnerApproval.
	ApprovedDependants []string `json:"approved_dependants,omitempty"`
	// Purposes are what the data may be used for, at most 32, each
	// written like a name. Whoever wants the data states one of them and must
	// be given it by its own issuer. Empty means whatever purpose. It limits
	// data and not who sees that a product exists.
	Purposes []string `json:"purposes,omitempty"`
}

// MaxPurposes is how many purposes a caveat policy may name.
const MaxPurposes = 32
