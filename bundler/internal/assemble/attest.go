package assemble

import (
	"encoding/json"
	"time"

	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/envelope"
)

// statementType is the DSSE payload type of in-toto statements.
const statementType = "application/vnd.in-toto+json"

// buildType says how the parameters below are to be read.
const buildType = "https://github.com/meshwright/terraform-provider-datamesh/bundler/pack/v1"

// Facts are what two packs of one lock differ in. They are in the attestation
// alone, so that everything else can be compared byte for byte.
type Facts struct {
	Tool    string           // version of the program
	Host    string           // name of the machine, or "" to keep it back
	Started time.Time        // of the run
	Now     func() time.Time // nil for the real clock
}

func (f Facts) now() time.Time {
	if f.Now == nil {
		return time.Now()
	}
	return f.Now()
}

// statement is an in-toto statement (v1) with a SLSA provenance (v1).
type statement struct {
	Type          string     `json:"_type"`
	Subject       []subject  `json:"subject"`
	PredicateType string     `json:"predicateType"`
	Predicate     provenance `json:"predicate"`
}

type subject struct {
	Name   string            `json:"name"`
	Digest map[string]string `json:"digest"`
}

type provenance struct {
	BuildDefinition struct {
		BuildType          string            `json:"buildType"`
		ExternalParameters map[string]any    `json:"externalParameters"`
		Resolved           []subjectResource `json:"resolvedDependencies"`
	} `json:"buildDefinition"`
	RunDetails struct {
		Builder  builder  `json:"builder"`
		Metadata metadata `json:"metadata"`
	} `json:"runDetails"`
}

type subjectResource struct {
	Name   string            `json:"name"`
	Digest map[string]string `json:"digest"`
}

type builder struct {
	ID      string            `json:"id"`
	Version map[string]string `json:"version,omitempty"`
}

type metadata struct {
	Started  string `json:"startedOn,omitempty"`
	Finished string `json:"finishedOn,omitempty"`
}

// attest says when, where and with what the files of the envelope were made.
func attest(e *envelope.Envelope, p PackOptions) ([]byte, error) {
	s := statement{Type: "https://in-toto.io/Statement/v1", PredicateType: "https://slsa.dev/provenance/v1"}
	for _, f := range e.All() {
		s.Subject = append(s.Subject, subject{f.Name, map[string]string{"sha256": f.Digest.Hex()}})
	}
	definition := &s.Predicate.BuildDefinition
	definition.BuildType = buildType
	definition.ExternalParameters = map[string]any{
		"name": e.Name, "stream": e.Stream, "sequence": e.Sequence, "volumeSize": e.VolumeSize, "parity": len(e.Parity),
	}
	definition.Resolved = []subjectResource{{"policy.yaml", map[string]string{"sha256": e.Policy.Hex()}}}
	details := &s.Predicate.RunDetails
	details.Builder.ID = "host:" + p.Attest.Host
	if p.Attest.Tool != "" {
		details.Builder.Version = map[string]string{"datamesh-bundler": p.Attest.Tool}
	}
	details.Metadata = metadata{instant(p.Attest.Started), instant(p.Attest.now())}
	return json.Marshal(s)
}

func instant(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}
