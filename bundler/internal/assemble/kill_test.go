package assemble

import (
	"bufio"
	"flag"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/artifact"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/bundlertest"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/spec"
)

var kills = flag.Int("kills", 100, "how often TestKilledCreateContinues kills")

// TestKilledCreateContinues kills Create at random moments, counted in events so
// that the speed of the machine does not matter. The last run ends with the
// bytes of a run that nobody killed, no blob that was whole is asked for again,
// and what is asked for goes on inside large blobs.
func TestKilledCreateContinues(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	j := f.corpus(t, bundlertest.Corpus{Seed: 3, Images: 6, Bytes: 96 << 20, Signatures: true})
	j.Do, j.Tell, j.Volumes = "create", true, spec.Volumes{Size: 30 << 20, Parity: 1}
	j.Dir = t.TempDir()
	events := runUntil(t, j, -1)
	want := files(t, j.Dir)
	expected := len(events)
	size := map[artifact.Digest]int64{}
	for _, b := range blobs(t, f, j) {
		size[b.Digest] = b.Size
	}

	j.Dir = t.TempDir()
	whole := map[artifact.Digest]int64{}
	before := f.registry.BytesSent()
	for range *kills {
		f.noteWhole(runUntil(t, j, rand.IntN(max(1, expected/4))), whole)
	}
	runUntil(t, j, -1)
	same(t, want, files(t, j.Dir))
	for d, requests := range whole {
		if now := int64(f.registry.Sent(d).Requests); now != requests {
			t.Errorf("%s of %d bytes was whole and was asked for again, %d times", d, size[d], now-requests)
		}
	}
	var total int64
	inside := 0
	for d, n := range size {
		total += n
		sent := f.registry.Sent(d)
		inside += sent.Requests - sent.Whole
	}
	if inside == 0 {
		t.Error("no transfer went on inside a blob")
	}
	t.Logf("%d kills: %d bytes sent for %d, %d transfers went on inside a blob, %d blobs seen whole", *kills, f.registry.BytesSent()-before, total, inside, len(whole))
	if left, _ := filepath.Glob(filepath.Join(j.Dir, ".*")); len(left) > 0 {
		t.Errorf("left over: %v", left)
	}
}

// runUntil runs the job and kills it after so many events; -1 lets it end. It
// returns what the child told.
func runUntil(t *testing.T, j job, after int) []string {
	t.Helper()
	cmd := child(t, j)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var told []string
	for lines := bufio.NewScanner(out); lines.Scan(); {
		told = append(told, lines.Text())
		if len(told) == after+1 && after >= 0 {
			_ = cmd.Process.Kill() // it may have ended just now
		}
	}
	if err := cmd.Wait(); err != nil && after < 0 {
		t.Fatalf("the run ended with %v after %s", err, strings.Join(told, "\n"))
	}
	return told
}

// noteWhole notes which blobs are whole, and how often each was asked for by
// then. The last ones are left out: they were told of a moment before the
// journal had them.
func (f *fixture) noteWhole(told []string, whole map[artifact.Digest]int64) {
	const inFlight = 16
	found := []artifact.Digest{}
	for _, line := range told {
		if fields := strings.Fields(line); len(fields) == 4 && fields[0] == string(Packing) && fields[1] == string(Whole) {
			found = append(found, artifact.Digest(fields[2]))
		}
	}
	found = found[:max(0, len(found)-inFlight)]
	for _, d := range slices.Compact(found) {
		if _, known := whole[d]; !known {
			whole[d] = int64(f.registry.Sent(d).Requests)
		}
	}
}

func blobs(t *testing.T, f *fixture, j job) []artifact.Blob {
	t.Helper()
	l, err := Resolve(t.Context(), f.options(t, j.Bundle, j.Policy), nil)
	if err != nil {
		t.Fatal(err)
	}
	return l.Blobs
}
