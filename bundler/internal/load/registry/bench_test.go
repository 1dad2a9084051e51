package registry

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"slices"
	"testing"

	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/bundlertest"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/load"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/spec"
)

var (
	corpusSize = flag.String("corpus", "200MB", "size of the corpus of BenchmarkLoad")
	corpusRuns = flag.Int("corpus-runs", 3, "runs of each side; the median counts")
)

// BenchmarkLoad compares a load, evidence, manifests and tags and all, with the
// floor: the unique blobs alone, four at a time, each with the two requests that
// an upload takes. Each run has an empty registry and a process of its own, and
// the sides alternate.
//
// "sent/unique" is what crossed the wire over the size of the unique blobs, and
// "blobs-again" what a second load of the last registry moved.
//
//	go test -run '^$' -bench Load -benchtime 1x ./bundler/internal/load/registry -corpus 2GB
func BenchmarkLoad(b *testing.B) {
	size, err := spec.ParseSize(*corpusSize)
	if err != nil {
		b.Fatal(err)
	}
	j := packed(b, bundlertest.Corpus{Seed: 1, Bytes: size, Signatures: true})
	for b.Loop() {
		var floors, loads []run
		for range *corpusRuns {
			floors = append(floors, measured(b, j, "floor"))
			loads = append(loads, measured(b, j, "load"))
		}
		floor, loaded := median(floors), median(loads)
		b.ReportMetric(floor.Seconds/loaded.Seconds, "floor/load")
		b.ReportMetric(float64(loaded.MaxRSS)/(1<<20), "MiB-RSS")
		b.ReportMetric(float64(loaded.received)/float64(floor.Moved.Bytes), "sent/unique")
		b.ReportMetric(float64(loaded.again.Blobs), "blobs-again")
		fmt.Fprintf(os.Stderr, "floor %+v\nload  %+v\n", floors, loads)
	}
}

// run is one side of the comparison, once.
type run struct {
	outcome
	received int64      // bytes of bodies that the registry was sent
	again    load.Moved // by a second load
}

func median(list []run) run {
	slices.SortFunc(list, func(a, b run) int { return int(1e6 * (a.Seconds - b.Seconds)) })
	return list[len(list)/2]
}

func measured(b *testing.B, j job, do string) run {
	b.Helper()
	dir, err := os.MkdirTemp("", "far")
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = os.RemoveAll(dir) }() // the next run needs the room
	far := bundlertest.Start(b, bundlertest.Directory(dir))
	i := &intake{}
	far.Inject(i.note)
	j.Do, j.Host = do, far.Host
	r := run{outcome: finish(b, j), received: i.received()}
	if do == "load" {
		r.again = finish(b, j).Moved
	}
	return r
}

// finish runs the job to its end.
func finish(t testing.TB, j job) outcome {
	t.Helper()
	raw, err := child(t, j).Output()
	if err != nil {
		t.Fatal(err)
	}
	var o outcome
	if err := json.Unmarshal(raw, &o); err != nil {
		t.Fatal(err)
	}
	return o
}
