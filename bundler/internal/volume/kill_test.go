package volume

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/archive"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/artifact"
)

// The kill test runs Write in a child process, which is this test binary, and
// kills it. The child says on its standard output what it does and reads from
// its source only as often as it is allowed to by a byte on its standard input,
// so the moments do not depend on the speed of the machine.

// childRole is set in a child, which works in its working directory.
const childRole = "VOLUME_TEST_CHILD"

func TestMain(m *testing.M) {
	run := runChild
	switch os.Getenv(childRole) {
	case "":
		os.Exit(m.Run())
	case "large":
		run = runLarge
	}
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

const killVolumeSize = 300_000

var killImages = [][]int64{{700_000, 9_000, 0}, {260_000, 400}, {90_000, 31_000}}

func runChild() error {
	l, source := corpus(1, killImages...)
	layout, err := archive.New(l, lockDigest, nil, killVolumeSize)
	if err != nil {
		return err
	}
	out := bufio.NewWriterSize(os.Stdout, 1) // each line at once
	lines := make(chan string)
	go func() {
		for line := range lines {
			fmt.Fprintln(out, line)
			out.Flush()
		}
	}()
	_, err = Write(context.Background(), ".", "ops", layout, allowed{source, lines}, WriteOptions{
		Parity: 1, step: 16 << 10,
		Progress: func(e Event) { lines <- fmt.Sprintf("%s %s %d", e.Kind, e.Blob.Digest, e.Bytes) },
	})
	return err
}

// allowed is a source that says what is opened, and waits for leave before each
// read.
type allowed struct {
	*content
	lines chan<- string
}

func (a allowed) Open(ctx context.Context, b artifact.Blob, offset int64) (io.ReadCloser, error) {
	body, err := a.content.Open(ctx, b, offset)
	return io.NopCloser(leaveReader{body, a.lines}), err
}

type leaveReader struct {
	io.Reader
	lines chan<- string
}

func (r leaveReader) Read(p []byte) (int, error) {
	r.lines <- "read"
	if _, err := os.Stdin.Read(make([]byte, 1)); err != nil {
		return 0, err
	}
	return r.Reader.Read(p[:min(len(p), 16<<10)])
}

// life is what one child did before its end.
type life struct {
	opened   []opening
	finished map[string]bool
	done     bool // it ended by itself
}

// self is the path of this test binary.
func self(t testing.TB) string {
	t.Helper()
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// live runs a child and kills it when it has written so many lines; never when
// that is more than it writes.
func live(t *testing.T, dir string, lines int) life {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), self(t))
	cmd.Dir, cmd.Env = dir, append(os.Environ(), childRole+"=small")
	var stderr strings.Builder
	cmd.Stderr = &stderr
	input, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	output, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	l := life{finished: map[string]bool{}}
	said := bufio.NewScanner(output)
	l.follow(said, input, lines)
	_ = cmd.Process.Kill() // harmless when it has ended
	l.follow(said, io.Discard, 1<<30)
	err = cmd.Wait()
	l.done = err == nil
	if exit := new(exec.ExitError); errors.As(err, &exit) && exit.Exited() {
		t.Fatalf("child failed: %s", stderr.String())
	}
	return l
}

// follow reads the child's lines and gives it leave.
func (l *life) follow(said *bufio.Scanner, leave io.Writer, lines int) {
	for ; lines > 0 && said.Scan(); lines-- {
		words := strings.Fields(said.Text())
		if len(words) == 0 {
			continue
		}
		switch words[0] {
		case "read":
			_, _ = leave.Write([]byte{1})
		case string(Opened):
			if len(words) < 3 {
				continue // cut by the kill
			}
			offset, _ := strconv.ParseInt(words[2], 10, 64)
			l.opened = append(l.opened, opening{artifact.Digest(words[1]), offset})
		case string(Finished):
			if len(words) == 3 {
				l.finished[words[1]] = true
			}
		}
	}
}

func TestKilledRunFetchesNothingTwice(t *testing.T) {
	t.Parallel()
	kills := 100
	if testing.Short() {
		kills = 12
	}
	j := newJob(t, killVolumeSize, 1, killImages...)
	random := rand.New(rand.NewPCG(5, 8))
	for done := 0; done < kills; {
		dir := t.TempDir()
		done += j.killUntilFinished(t, dir, random)
		if digestOfDir(t, dir) != j.want {
			t.Fatal("other bytes than those of a run that was not killed")
		}
	}
}

// killUntilFinished kills and continues one bundle until it is there, and
// returns how often it was killed.
func (j *job) killUntilFinished(t *testing.T, dir string, random *rand.Rand) int {
	t.Helper()
	whole := map[string]bool{}
	reached := map[artifact.Digest]int64{}
	for kills := 0; ; kills++ {
		l := live(t, dir, random.IntN(150))
		for _, o := range l.opened {
			if whole[string(o.digest)] {
				t.Fatalf("blob %s was whole and is opened again from %d", o.digest, o.offset)
			}
			if o.offset < reached[o.digest] {
				t.Fatalf("blob %s is opened from %d, an earlier run opened it from %d", o.digest, o.offset, reached[o.digest])
			}
			reached[o.digest] = o.offset
		}
		for d := range l.finished {
			whole[d] = true
		}
		if l.done {
			return kills
		}
	}
}

// TestKilledWhileItTakesBackFinishedVolumes: a run was killed while it removed
// what it had worked with, the journal among it, and so was the next one when it
// had moved the volumes back. What they hold is known all the same.
func TestKilledWhileItTakesBackFinishedVolumes(t *testing.T) {
	t.Parallel()
	j := newJob(t, killVolumeSize, 0, killImages...)
	dir := t.TempDir()
	j.finish(t, dir, WriteOptions{})
	for life := range 2 {
		p, err := openPartial(dir, "ops", j.layout)
		if err != nil {
			t.Fatal(err)
		}
		for _, b := range j.layout.Blobs() {
			if p.claims[b.Digest] != b.Size {
				t.Errorf("run %d after the kill: %d bytes of blob %s are known, want %d", life+1, p.claims[b.Digest], b.Digest, b.Size)
			}
		}
		if err := p.close(); err != nil { // as the kernel does for one that is killed
			t.Fatal(err)
		}
	}
}
