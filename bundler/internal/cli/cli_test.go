package cli

import (
	"bytes"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/assemble"
	"github.com/meshwright/terraform-provider-datamesh/internal/commandline/commandlinetest"
)

func TestEveryVerbHasAnExample(t *testing.T) {
	t.Parallel()
	commandlinetest.Help(t, rootCommand("test"))
}

// TestProgressOutsideATerminal is a line at the start of a phase and one at its
// end, and in between one every few seconds, with the rate and the time left.
func TestProgressOutsideATerminal(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		r := &reporting{}
		r.begin(&out, nil)
		r.assembly(assemble.Event{Phase: assemble.Packing, Kind: assemble.Started, Bytes: 4096})
		for range 4 {
			r.assembly(assemble.Event{Phase: assemble.Packing, Kind: assemble.Moved, Bytes: 1024})
			time.Sleep(everyInLog / 2)
		}
		want := "pack: 1.0 KiB of 4.0 KiB\npack: 3.0 KiB of 4.0 KiB, 614 B/s, 2s left\npack: 4.0 KiB of 4.0 KiB, 546 B/s, 0s left\n"
		if got := out.String(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}

// TestProgressOnATerminal rewrites one line, not more often than people read,
// and leaves none of it when another is printed.
func TestProgressOnATerminal(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		r := &reporting{out: &out, terminal: true}
		r.assembly(assemble.Event{Phase: assemble.Packing, Kind: assemble.Started, Bytes: 4096})
		for range 2 {
			r.assembly(assemble.Event{Phase: assemble.Packing, Kind: assemble.Kept, Bytes: 1024})
		}
		r.note("something happened")
		if got, want := out.String(), "\r\033[Kpack: 1.0 KiB of 4.0 KiB\r\033[Ksomething happened\n"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}

func TestSizesForPeople(t *testing.T) {
	t.Parallel()
	for bytes, want := range map[int64]string{0: "0 B", 1023: "1023 B", 1024: "1.0 KiB", 1 << 30: "1.0 GiB", 1 << 62: "4096.0 PiB"} {
		if got := inUnits(bytes); got != want {
			t.Errorf("%d: got %q, want %q", bytes, got, want)
		}
	}
}

func TestTargets(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]target{
		"registry://r.example:5000/mirror/a/": {scheme: "registry", path: "r.example:5000/mirror/a"},
		"dir:///srv/images":                   {scheme: "dir", path: "/srv/images"},
		"dir://a?b":                           {scheme: "dir", path: "a?b"},
		"containerd:///i?registry=r.example":  {scheme: "containerd", path: "/i", name: "r.example"},
	} {
		if got, err := parseTarget(text); err != nil || got != want {
			t.Errorf("%s: got %+v, %v, want %+v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "registry", "registry://", "docker://r.example", "containerd://?registry=r", "containerd:///i", "containerd:///i?registry=%zz"} {
		if got, err := parseTarget(text); err == nil {
			t.Errorf("%q: got %+v, want it refused", text, got)
		}
	}
	if got := (target{scheme: "registry", path: "r.example/" + strings.Repeat("a/", 3) + "b"}).prefix(); got != "a/a/a/b" {
		t.Errorf("prefix %q", got)
	}
}
