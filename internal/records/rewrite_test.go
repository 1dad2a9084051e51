package records_test

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"github.com/meshwright/terraform-provider-datamesh/internal/records"
)

// TestRewriteOfTheWithheldDoesNotShow: whoever writes a file again, for a record
// that the reader does not see, gives a container another marker and a bundle
// another id. Neither may tell the reader.
func TestRewriteOfTheWithheldDoesNotShow(t *testing.T) {
	t.Parallel()
	head, block := avroFile(t, "deflate", "(U)")
	_, secret := avroFile(t, "deflate", "(TS)")
	again := strings.NewReplacer(string(marker[:]), "another marker..")
	for name, c := range map[string]struct {
		format          records.Format
		property        string
		before, rewrite string
	}{
		"a container": {records.Avro, "marking", head + block, again.Replace(head + block + secret)},
		"a bundle": {
			records.STIX, records.MarkingRefs,
			`{"type":"bundle","id":"bundle--1","objects":[` + defU + "," + linkU + `]}`,
			`{"type":"bundle","id":"bundle--2","objects":[` + defU + "," + defTS + "," + linkU + "," + linkTS + `]}`,
		},
		"an id behind": {
			records.STIX, records.MarkingRefs,
			`{"type":"bundle","objects":[` + defU + `],"id":"bundle--1","spec_version":"2.0"}`,
			`{"type":"bundle","objects":[` + defU + "," + defTS + `],"spec_version":"2.0","id":"bundle--2"}`,
		},
	} {
		was, _, err := filter(t, c.format, c.property, c.before)
		is, tally, again := filter(t, c.format, c.property, c.rewrite)
		if err != nil || again != nil || tally.Withheld == 0 || was != is {
			t.Errorf("%s: got %q %v, then %q %v", name, was, err, is, again)
		}
	}
}

// TestBundlesHaveIDs: of the form that STIX gives them, one for each content.
func TestBundlesHaveIDs(t *testing.T) {
	t.Parallel()
	known := map[string]bool{}
	for _, objects := range []string{"", defU, defU + "," + linkU} {
		out, _, err := filter(t, records.STIX, records.MarkingRefs, `{"type":"bundle","id":"bundle--1","objects":[`+objects+`]}`)
		var bundle struct{ ID string }
		if err := json.Unmarshal([]byte(out), &bundle); err != nil {
			t.Fatal(err)
		}
		if err != nil || !idOfABundle.MatchString(bundle.ID) || known[bundle.ID] {
			t.Errorf("got %q %v", out, err)
		}
		known[bundle.ID] = true
	}
}

// idOfABundle is an identifier of STIX 2.1 (section 2.9) with a random UUID.
var idOfABundle = regexp.MustCompile(`^bundle--[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
