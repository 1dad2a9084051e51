package catalog

// Status is where a product is in its life. It only moves forward, in the
// order of the constants, save that a deprecated product may return to active.
type Status string

// The statuses, in order.
const (
	StatusProposed   Status = "proposed"
	StatusDraft      Status = "draft" // the default
	StatusActive     Status = "active"
	StatusDeprecated Status = "deprecated"
	StatusRetired    Status = "retired"
)

// Product is a curated, documented and governed interface through which a
// domain makes its data available. A raw feed is never a product.
type Product struct {
	ID          string `json:"id"` // read-only: domain/name
	Domain      string `json:"domain"`
	Name        string `json:"name"`
	Title       string `json:"title"`
	Description string `json:"description,omitempty"`
	Version     string `json:"version"` // semantic version 2.0.0, written by the owner
	Status      Status `json:"status,omitempty"`
	// Marking is the declared marking, as a banner line. It must dominate
	// what is inherited from Inputs.
	Marking      string                `json:"marking,omitempty"`
	CaveatPolicy string                `json:"caveat_policy,omitempty"` // id
	SLA          string                `json:"sla,omitempty"`           // id
	Inputs       []string              `json:"inputs,omitempty"`        // ids of the products it is derived from
	OutputPorts  map[string]OutputPort `json:"output_ports,omitempty"`
	Pipeline     *Pipeline             `json:"pipeline,omitempty"`
	// DocumentationLinks are https or http URLs.
	DocumentationLinks []string `json:"documentation_links,omitempty"`
	Purpose            string   `json:"purpose,omitempty"`
	Limitations        string   `json:"limitations,omitempty"`
	SupportContact     string   `json:"support_contact,omitempty"`
	// DeprecatedOn and SunsetOn are RFC 3339 full-dates: from when nobody new
	// should rely on the product, and from when it may no longer answer (RFC
	// 9745, RFC 8594). Only of products that are deprecated or retired.
	DeprecatedOn string `json:"deprecated_on,omitempty"`
	SunsetOn     string `json:"sunset_on,omitempty"`
	// Successor is the id of the product to use instead. It is shown to
	// administrators, to the active team of this product's domain, and to those
	// who see the successor itself; for anybody else it is "".
	Successor string `json:"successor,omitempty"`
	// DeletionProtection refuses deletion until it is set to false.
	DeletionProtection bool `json:"deletion_protection"`

	// InheritedMarking is the roll-up of the effective markings of Inputs;
	// "" without inputs. Read-only.
	InheritedMarking string `json:"inherited_marking,omitempty"`
	// EffectiveMarking is Marking joined with InheritedMarking; it is what
	// access is decided on. Read-only.
	EffectiveMarking string `json:"effective_marking,omitempty"`
}

// PortType is how an output port is read.
type PortType string

// The port types.
const (
	PortHTTP      PortType = "http"
	PortS3        PortType = "s3"
	PortKafka     PortType = "kafka"
	PortSQL       PortType = "sql"
	PortSTIXTAXII PortType = "stix-taxii"
	PortFile      PortType = "file"
)

// OutputPort is one stable interface of a product.
type OutputPort struct {
	Type        PortType `json:"type"`
	URL         string   `json:"url"`
	ContentType string   `json:"content_type,omitempty"` // media type, RFC 9110 section 8.3.1
	Schema      string   `json:"schema,omitempty"`       // id
	// RecordMarking names the property of each record that holds the record's
	// own portion mark, with dots between the names on the way to it, or the
	// column of each row; "" when records have none. Only where records can be
	// told apart: with a content type of GeoJSON, STIX, JSON Lines or Avro
	// (application/geo+json, application/stix+json, application/jsonl,
	// application/x-ndjson, application/avro, application/vnd.apache.avro and
	// their other names), or on a port of type sql.
	RecordMarking string `json:"record_marking,omitempty"`
}

// Pipeline is how the product is made.
type Pipeline struct {
	Image  string `json:"image,omitempty"`  // OCI reference pinned by sha256 digest
	Source string `json:"source,omitempty"` // the raw feed it reads; never a product id
}

// Derivation says where the effective marking of a product comes from.
type Derivation struct {
	Product           string `json:"product"` // id
	DeclaredMarking   string `json:"declared_marking,omitempty"`
	InheritedMarking  string `json:"inherited_marking,omitempty"`
	EffectiveMarking  string `json:"effective_marking,omitempty"`
	VocabularyVersion string `json:"vocabulary_version"`
	// Tokens are those of the effective marking in the order of ISM.XML's
	// attributes; none of a product without a marking.
	Tokens []TokenOrigin `json:"tokens"`
}

// TokenOrigin says what forces one token of a marking.
type TokenOrigin struct {
	// Attribute is the ISM.XML name, such as disseminationControls.
	Attribute string `json:"attribute"`
	// Token is one of it, such as OC; of a release list all of it.
	Token string `json:"token"`
	// Rule is one of the rules of the roll-up: highest, union, intersection
	// or combination.
	Rule string `json:"rule"`
	// Declared is true when the product's own declared marking is among what
	// forces it.
	Declared bool `json:"declared"`
	// Inputs are the ids of the inputs that do, as far as the caller sees
	// them, sorted; OtherInputs is true when there are more.
	Inputs      []string `json:"inputs"`
	OtherInputs bool     `json:"other_inputs"`
}
