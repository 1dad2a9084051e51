package platform

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/internal/sqlite"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/internal/store"
)

// vocabularyCrashPath in the environment makes this test binary the process
// that changes the vocabulary of the database of that path until it is killed.
const vocabularyCrashPath = "DATAMESH_TEST_VOCABULARY_CRASH_PATH"

// spelled is a vocabulary that writes NOFORN in one of two ways, and reads both.
func spelled(t testing.TB, version, banner, title string) []byte {
	w := embedded(t, version)
	for _, c := range w["controls"].([]any) {
		if c := c.(map[string]any); c["code"] == "NF" {
			c["banner"], c["title"] = banner, title
		}
	}
	return w.text(t)
}

// TestChangesVocabulariesUntilItIsKilled is the process that
// TestSIGKILLNeverSplitsAnUpdate kills.
func TestChangesVocabulariesUntilItIsKilled(t *testing.T) {
	path := os.Getenv(vocabularyCrashPath)
	if path == "" {
		t.Skip("it is run by another test")
	}
	s, err := sqlite.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	p := started(t, s)
	texts := [][]byte{spelled(t, "long", "NOFORN-LONG", "NOFORN"), spelled(t, "short", "NOFORN", "NOFORN-LONG")}
	for i := 0; ; i++ {
		enactNow(t, p, texts[i%2])
		fmt.Println("done")
	}
}

// TestSIGKILLNeverSplitsAnUpdate kills a process that changes the vocabulary
// again and again. Afterwards one vocabulary is in force, the log says so, and
// every product is written as that one writes it.
func TestSIGKILLNeverSplitsAnUpdate(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "catalogue.db")
	fill(t, path)
	total := 0
	for range 5 {
		total += killed(t, path)
		wantWhole(t, path)
	}
	t.Logf("5 kills, %d updates, none split", total)
}

const crashProducts = 60

func fill(t *testing.T, path string) {
	t.Helper()
	s, err := sqlite.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	p := started(t, s)
	mustPut(t, p.As(admin), domain("alpha"))
	for i := range crashProducts {
		mustPut(t, p.As(admin), product(fmt.Sprintf("alpha/p%d", i), "SECRET//NOFORN"))
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// killed runs the process, kills it a while after its first update, and counts
// those that it had made.
func killed(t *testing.T, path string) (n int) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestChangesVocabulariesUntilItIsKilled$")
	cmd.Env = append(os.Environ(), vocabularyCrashPath+"="+path)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines, said := bufio.NewReader(out), ""
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			if !errors.Is(err, io.EOF) {
				t.Fatal(err)
			}
			break
		}
		said += line
		if line != "done\n" {
			continue
		}
		if n++; n == 1 {
			time.AfterFunc(time.Duration(rand.IntN(150))*time.Millisecond, func() { _ = cmd.Process.Kill() }) // SIGKILL; if it died before, Wait tells
		}
	}
	if err := cmd.Wait(); cmd.ProcessState.ExitCode() != -1 {
		t.Fatalf("the process ended by itself: %v: %s", err, said)
	}
	return n
}

func wantWhole(t *testing.T, path string) {
	t.Helper()
	s, err := sqlite.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	err = s.View(t.Context(), func(r store.Reader) error {
		e, err := r.InForce(context.Background())
		if err != nil {
			return err
		}
		records, err := r.List(context.Background(), store.Query{Kind: catalog.KindProduct, Limit: 2 * crashProducts})
		want := `"SECRET//NOFORN"`
		if e.Version == "long" {
			want = `"SECRET//NOFORN-LONG"`
		}
		for _, record := range records {
			if strings.Count(string(record.Body), want) != 2 { // declared and effective
				t.Errorf("under vocabulary %s: got %s", e.Version, record.Body)
			}
		}
		if last := lastEnacted(t, s); last != "" && last != e.Version {
			t.Errorf("the log says that %s came into force last, want %s", last, e.Version)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

func lastEnacted(t *testing.T, s store.Store) (version string) {
	t.Helper()
	for after := int64(0); ; {
		page := entries(t, s, after)
		if len(page) == 0 {
			return version
		}
		after += int64(len(page))
		for _, e := range page {
			if e.Action == actionEnact {
				version = strings.TrimPrefix(e.Object, vocabularyObject)
			}
		}
	}
}
