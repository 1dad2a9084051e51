package sqlstore

import (
	"database/sql"
	"regexp"
	"strings"
	"testing"

	_ "modernc.org/sqlite" // the database that explains its plans

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/internal/store"
)

// wholeTable matches a step of a plan that reads all of one of our tables,
// which a plan calls by the letter that a query gives it.
var wholeTable = regexp.MustCompile(`^SCAN (objects|refs|registered_schemas|subject_versions|schema_uses|registry_settings|vocabularies|vocabulary_enactments|audit|audit_tiles|[a-z])\b`)

// Reading one object, or one page, must not take longer as the catalogue grows.
func TestNoQueryReadsAWholeTable(t *testing.T) {
	t.Parallel()
	db, err := sql.Open("sqlite", "file:../sqlite/testdata/format-5.db?mode=ro&immutable=1")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() }) // nothing was written
	queries := append(fixedWrites(), missingOf(2), missingOf(batch))
	for _, q := range []store.Query{{}, {Domain: "a"}, {Status: "active"}, {Domain: "a", Status: "active", Words: []string{"x", "y"}, After: "a/b"}} {
		query, _ := listQuery(q)
		queries = append(queries, query)
	}
	for _, q := range []catalog.RegistryQuery{
		{}, {Context: "*"}, {Context: "c", Prefix: "p", LatestOnly: true, Deleted: true, WithoutText: true},
		{ID: 1}, {Subject: catalog.Subject{Name: "s"}, OnlyDeleted: true}, {Subject: catalog.Subject{Name: "s"}, LatestOnly: true},
	} {
		for _, after := range []store.Place{{}, {Subject: catalog.Subject{Name: "s"}, Version: 1}} {
			query, _ := registrationsQuery(after, q)
			queries = append(queries, query)
		}
	}
	for _, query := range queries {
		for _, step := range plan(t, db, query) {
			if wholeTable.MatchString(step) {
				t.Errorf("%.200s: the plan has %q", query, step)
			}
		}
	}
}

// TestPartsAreFoundByTheirPlace: what is before a place is not read, or a list
// would be read again with each of its parts.
func TestPartsAreFoundByTheirPlace(t *testing.T) {
	t.Parallel()
	db, err := sql.Open("sqlite", "file:../sqlite/testdata/format-5.db?mode=ro&immutable=1")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() }) // nothing was written
	after := store.Place{Subject: catalog.Subject{Name: "s"}, Version: 1}
	for want, q := range map[string]catalog.RegistryQuery{
		"by_schema (context=? AND schema_id=? AND subject=? AND version>?)": {Subject: after.Subject, ID: 1},
		"by_schema (context=? AND schema_id=? AND subject>?)":               {Context: "lab", ID: 1},
		"PRIMARY KEY ((context,subject,version)>(?,?,?))":                   {Context: "*"},
		"PRIMARY KEY (context=? AND (subject,version)>(?,?))":               {Prefix: "p"},
		"PRIMARY KEY (context=? AND subject=? AND version>?)":               {Subject: after.Subject},
		"by_schema (context=? AND schema_id=? AND (subject,version)>(?,?))": {ID: 1},
	} {
		query, _ := registrationsQuery(after, q)
		if steps := strings.Join(plan(t, db, query), "; "); !strings.Contains(steps, want) || strings.Contains(steps, "B-TREE") {
			t.Errorf("%+v: the plan is %q, want a search by %q", q, steps, want)
		}
	}
}

func plan(t *testing.T, db *sql.DB, query string) []string {
	t.Helper()
	args := make([]any, strings.Count(query, "?"))
	rows, err := db.QueryContext(t.Context(), `EXPLAIN QUERY PLAN `+query, args...)
	if err != nil {
		t.Fatalf("%.200s: %v", query, err)
	}
	defer func() { _ = rows.Close() }() // rows.Err says what there is to say
	var steps []string
	for rows.Next() {
		var id, parent, unused int
		var step string
		if err := rows.Scan(&id, &parent, &unused, &step); err != nil {
			t.Fatal(err)
		}
		steps = append(steps, step)
	}
	if rows.Err() != nil || len(steps) == 0 && !strings.HasPrefix(query, "INSERT") {
		t.Fatalf("%.200s: got no plan, %v", query, rows.Err())
	}
	return steps
}
