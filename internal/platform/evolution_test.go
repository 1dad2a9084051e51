package platform

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"testing"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
)

// casesFile holds the cases that the verdicts of compat are checked with; they
// are those of Confluent's registry.
const casesFile = "../compat/testdata/compatibility.json"

type evolutionCase struct {
	ID             string                         `json:"id"`
	Type           catalog.SchemaType             `json:"type"`
	RegisteredType catalog.SchemaType             `json:"registeredType"`
	Registered     []json.RawMessage              `json:"registered"`
	Candidate      json.RawMessage                `json:"candidate"`
	Expect         map[catalog.Compatibility]bool `json:"expect"`
}

// caseText is a schema of a case: a string for PROTOBUF, else the JSON itself.
func caseText(t *testing.T, typ catalog.SchemaType, raw json.RawMessage) catalog.Registering {
	t.Helper()
	text := string(raw)
	if typ == catalog.SchemaProtobuf {
		if err := json.Unmarshal(raw, &text); err != nil {
			t.Fatal(err)
		}
	}
	return catalog.Registering{Type: typ, Definition: text}
}

// TestRegisterKeepsTheVerdictsOfTheCases drives each case through a subject of
// nobody and, where its types are the same, through a schema of the catalogue.
func TestRegisterKeepsTheVerdictsOfTheCases(t *testing.T) {
	t.Parallel()
	body, err := os.ReadFile(casesFile)
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Cases []evolutionCase `json:"cases"`
	}
	if err := json.Unmarshal(body, &file); err != nil || len(file.Cases) < 20 {
		t.Fatalf("got %d cases, %v, want those of the file", len(file.Cases), err)
	}
	for _, c := range file.Cases {
		t.Run(c.ID, func(t *testing.T) {
			t.Parallel()
			p := newPlatform(t, openStore(t))
			mustPut(t, p.As(admin), domain("alpha"))
			for mode, want := range c.Expect {
				c.drive(t, p.Registry(admin), catalog.Subject{Name: string(mode)}, mode, want)
				if c.RegisteredType == "" || c.RegisteredType == c.Type {
					c.drive(t, p.Registry(admin), catalog.Subject{Name: fmt.Sprintf("alpha.m%d", len(mode)*100+int(mode[0]))}, mode, want)
				}
			}
		})
	}
}

func (c evolutionCase) drive(t *testing.T, r catalog.Registry, s catalog.Subject, mode catalog.Compatibility, want bool) {
	t.Helper()
	ctx := context.Background()
	level := func(m catalog.Compatibility) {
		if err := r.Configure(ctx, s, catalog.SettingsChange{Set: catalog.SubjectSettings{Compatibility: m}}); err != nil {
			t.Fatal(err)
		}
	}
	typ := c.RegisteredType
	if typ == "" {
		typ = c.Type
	}
	level(catalog.CompatibilityNone)
	for _, older := range c.Registered {
		mustRegister(t, r, s, caseText(t, typ, older))
	}
	level(mode)
	stops, err := r.Compatible(ctx, s, catalog.AllVersions, caseText(t, c.Type, c.Candidate))
	if err != nil || (len(stops) == 0) != want {
		t.Errorf("%s under %s: Compatible: got %v, %v, want compatible %v", s, mode, stops, err, want)
	}
	_, err = r.Register(ctx, s, caseText(t, c.Type, c.Candidate))
	if (err == nil) != want {
		t.Errorf("%s under %s: Register: got %v, want compatible %v", s, mode, err, want)
	}
}
