package assemble

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/bundlertest"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/signing"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/spec"
)

var (
	corpusSize = flag.String("corpus", "200MB", "size of the corpus of BenchmarkCreate")
	corpusRuns = flag.Int("corpus-runs", 3, "runs of each side; the median counts")
)

// BenchmarkCreate compares the program's create, evidence and signatures and
// all, with the floor: the same blobs, four parallel reads from the same
// registry, SHA-256 while they stream, one sequential write, both flushed to the
// disk. The sides alternate, each in a process of its own. The memory of a
// bundle with parity is measured beside it.
//
//	go test -run '^$' -bench Create -benchtime 1x ./bundler/internal/assemble -corpus 2GB
func BenchmarkCreate(b *testing.B) {
	size, err := spec.ParseSize(*corpusSize)
	if err != nil {
		b.Fatal(err)
	}
	f, program := newFixture(b), build(b)
	j := f.corpus(b, bundlertest.Corpus{Seed: 1, Bytes: size, Signatures: true})
	for b.Loop() {
		var floor, create []outcome
		for range *corpusRuns {
			floor = append(floor, f.measured(b, j, "floor"))
			create = append(create, f.made(b, program, j))
		}
		parity := f.made(b, program, j, "--volume-size", strconv.FormatInt(size/4, 10)+"B", "--parity", "2")
		b.ReportMetric(float64(parity.MaxRSS)/(1<<20), "MiB-RSS-with-parity")
		report(b, median(floor), median(create), floor, create)
	}
}

func report(b *testing.B, floor, create outcome, floors, creates []outcome) {
	b.ReportMetric(floor.Seconds/create.Seconds, "floor/create")
	b.ReportMetric(float64(create.MaxRSS)/(1<<20), "MiB-RSS")
	b.ReportMetric(float64(create.Written)/float64(floor.Written), "written/bundle")
	fmt.Fprintf(os.Stderr, "floor  %+v\ncreate %+v\n", floors, creates)
}

func median(list []outcome) outcome {
	slices.SortFunc(list, func(a, b outcome) int { return int(1e6 * (a.Seconds - b.Seconds)) })
	return list[len(list)/2]
}

// corpus pushes and signs a corpus, and makes the job that bundles it.
func (f *fixture) corpus(t testing.TB, c bundlertest.Corpus) job {
	t.Helper()
	j := job{Vendor: f.vendor.pem, Policy: f.policyYAML(f.sources()), Key: filepath.Join(t.TempDir(), "packer.key"), Parallel: 4}
	lines := []string{"images:"}
	seen := map[string]bool{}
	for _, image := range f.registry.Push(t, c) {
		f.vendor.sign(t, f.registry, image.Repository, image.Root.Digest)
		lines = append(lines, "  - {ref: \""+image.Ref(f.registry)+"\"}")
	}
	j.Bundle = bundleYAML(lines...)
	l, err := Resolve(t.Context(), f.options(t, j.Bundle, j.Policy), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, item := range l.Items {
		for _, d := range item.Blobs {
			if !seen[string(d.Digest)] {
				seen[string(d.Digest)] = true
				j.URLs = append(j.URLs, f.registry.URL+"/v2/"+item.Repository[len(f.registry.Host)+1:]+"/blobs/"+string(d.Digest))
				j.Digests = append(j.Digests, d.Digest)
			}
		}
	}
	key, err := signing.Generate(signing.Ed25519)
	if err != nil {
		t.Fatal(err)
	}
	if err := signing.WriteKey(j.Key[:len(j.Key)-len(".key")], key); err != nil {
		t.Fatal(err)
	}
	return j
}

func (f *fixture) measured(t testing.TB, j job, do string) outcome {
	t.Helper()
	j.Do, j.Dir = do, t.TempDir()
	cmd := child(t, j)
	cmd.Stdout = nil
	raw, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var o outcome
	if err := json.Unmarshal(raw, &o); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(j.Dir); err != nil {
		t.Fatal(err)
	}
	return o
}
