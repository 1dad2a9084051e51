package platformd

import (
	"net/url"
	"strings"
	"testing"

	"github.com/transparency-dev/merkle/rfc6962"
	"github.com/transparency-dev/tessera/api"
	"github.com/transparency-dev/tessera/client"
	"github.com/transparency-dev/tessera/fsck"

	"github.com/meshwright/terraform-provider-datamesh/internal/audit"
	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
)

// leafHashes are those of a bundle, by the code of others.
func leafHashes(raw []byte) ([][]byte, error) {
	var bundle api.EntryBundle
	if err := bundle.UnmarshalText(raw); err != nil {
		return nil, err
	}
	var hashes [][]byte
	for _, entry := range bundle.Entries {
		hashes = append(hashes, rfc6962.DefaultHasher.HashLeaf(entry))
	}
	return hashes, nil
}

// TestTesseraChecksOurLog reads the log over HTTP with the client of another
// implementation: fsck makes all tiles from the entries and compares them with
// those that are served, and the proofs are built and checked by its code.
func TestTesseraChecksOurLog(t *testing.T) {
	t.Parallel()
	s := start(t, Config{DataDir: t.TempDir()})
	small := covered(t, s, 0)
	fill(t, s, 600)
	large := covered(t, s, 600)
	root, err := url.Parse(s.Endpoint() + "/audit/")
	if err != nil {
		t.Fatal(err)
	}
	fetcher, err := client.NewHTTPFetcher(root, nil)
	if err != nil {
		t.Fatal(err)
	}
	fetcher.SetAuthorizationHeader("Bearer " + s.Ready().Token)
	key := publicKey(t, s)
	check := fsck.New(key.Origin(), key.Verifier(), fetcher, leafHashes, fsck.Opts{N: 2})
	if err := check.Check(t.Context()); err != nil {
		t.Errorf("fsck: %v", err)
	}
	proofs, err := client.NewProofBuilder(t.Context(), uint64(large.Size), fetcher.ReadTile)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := fetcher.ReadEntryBundle(t.Context(), 1, 0)
	if err != nil {
		t.Fatal(err)
	}
	entries, err := audit.ParseBundle(raw, audit.TileWidth)
	if err != nil {
		t.Fatal(err)
	}
	inclusion, err := proofs.InclusionProof(t.Context(), audit.TileWidth+7)
	if err != nil {
		t.Fatal(err)
	}
	if err := audit.CheckInclusion(large, audit.TileWidth+7, entries[7], hashes(t, inclusion)); err != nil {
		t.Errorf("an entry of the log: %v", err)
	}
	if err := audit.CheckConsistency(small, large, nil); err != nil {
		t.Errorf("from the empty log: %v", err)
	}
	consistency, err := proofs.ConsistencyProof(t.Context(), 300, uint64(large.Size))
	if err != nil {
		t.Fatal(err)
	}
	at300, err := audit.RootAt(t.Context(), 300, s.store.Tile)
	if err != nil {
		t.Fatal(err)
	}
	if err := audit.CheckConsistency(audit.Checkpoint{Origin: large.Origin, Size: 300, Root: at300}, large, hashes(t, consistency)); err != nil {
		t.Errorf("from 300 entries: %v", err)
	}
}

func hashes(t *testing.T, raw [][]byte) []audit.Hash {
	t.Helper()
	var all []byte
	for _, one := range raw {
		all = append(all, one...)
	}
	parsed, err := audit.ParseHashes(all)
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

// fill makes the log n entries long, without HTTP: each refusal is one.
func fill(t *testing.T, s running, n int) {
	t.Helper()
	domain := &catalog.Domain{Name: "sigint", DisplayName: "S", Discipline: catalog.DisciplineOther, Contact: "s@enclave.example",
		Team: map[string]catalog.Member{"a": {Role: catalog.RoleOwner}}}
	for range n {
		_, err := s.As(catalog.Caller{Subject: "a.low"}).Put(t.Context(), domain, catalog.WriteOptions{})
		if err == nil || !strings.Contains(err.Error(), "may not") {
			t.Fatalf("got %v, want a refusal, which is recorded", err)
		}
	}
}
