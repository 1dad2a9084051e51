package envelope

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

var now = time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)

// numbered is a bundle of stream ops with this number, after the previous one.
func numbered(t testing.TB, sequence int) *Envelope {
	t.Helper()
	e := example()
	e.Sequence, e.Previous = sequence, ""
	if sequence > 1 {
		previous, err := numbered(t, sequence-1).Digest()
		if err != nil {
			t.Fatal(err)
		}
		e.Previous = previous
	}
	return e
}

func after(t testing.TB, e *Envelope) Position {
	t.Helper()
	p, err := Position{}.After(e)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestAttacksOnUpdatesAreToldApart(t *testing.T) {
	t.Parallel()
	held := after(t, numbered(t, 5))
	fork := numbered(t, 5)
	fork.Marking = "UNCLASSIFIED"
	loose := numbered(t, 6)
	loose.Previous = digest("another number 5")
	minimum := Position{Minimum: 6}
	at := func(c Conditions) Conditions { c.Now = now; return c }
	for name, c := range map[string]struct {
		position Position
		bundle   *Envelope
		under    Conditions
		want     Kind // "" for admitted
	}{
		"first ever":               {Position{}, numbered(t, 9), at(Conditions{}), ""},
		"next":                     {held, numbered(t, 6), at(Conditions{}), ""},
		"rollback":                 {held, numbered(t, 4), at(Conditions{}), Rollback},
		"rollback with a gap flag": {held, numbered(t, 4), at(Conditions{AcceptGap: true, AcceptReplay: true}), Rollback},
		"accepted rollback":        {held, numbered(t, 4), at(Conditions{AcceptRollback: true}), ""},
		"below the minimum":        {minimum, numbered(t, 5), at(Conditions{}), Rollback},
		"replay":                   {held, numbered(t, 5), at(Conditions{}), Replay},
		"continued load":           {held, numbered(t, 5), at(Conditions{AcceptReplay: true}), ""},
		"gap":                      {held, numbered(t, 7), at(Conditions{}), Gap},
		"accepted gap":             {held, numbered(t, 7), at(Conditions{AcceptGap: true}), ""},
		"same number":              {held, fork, at(Conditions{AcceptReplay: true, AcceptRollback: true}), Fork},
		"other predecessor":        {held, loose, at(Conditions{AcceptGap: true}), Fork},
		"other stream":             {held, numbered(t, 6), at(Conditions{Stream: "medical"}), OtherStream},
		"own stream":               {held, numbered(t, 6), at(Conditions{Stream: "ops"}), ""},
		"last second":              {held, numbered(t, 6), Conditions{Now: example().Expires.Add(-time.Second)}, ""},
		"expired":                  {held, numbered(t, 6), Conditions{Now: example().Expires}, Expired},
		"fast clock":               {held, numbered(t, 6), Conditions{Now: example().Created.Add(-maxSkew)}, ""},
		"not yet valid":            {held, numbered(t, 6), Conditions{Now: example().Created.Add(-maxSkew - 1)}, NotYetValid},
		"too old":                  {held, numbered(t, 6), at(Conditions{MaximumAge: 24 * time.Hour}), TooOld},
		"young enough":             {held, numbered(t, 6), at(Conditions{MaximumAge: 240 * time.Hour}), ""},
	} {
		err := c.position.Admit(c.bundle, c.under)
		if c.want == "" {
			if err != nil {
				t.Errorf("%s: %v, want it admitted", name, err)
			}
			continue
		}
		if err == nil {
			t.Errorf("%s: admitted", name)
			continue
		}
		refusedAs(t, err, c.want)
	}
}

func TestAcceptedRollbackBecomesThePosition(t *testing.T) {
	t.Parallel()
	p := Position{Sequence: 9, Digest: digest("9"), Minimum: 8}
	p, err := p.After(numbered(t, 4))
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Admit(numbered(t, 5), Conditions{Now: now}); err != nil {
		t.Errorf("the bundle after the one that was gone back to: %v", err)
	}
}

func TestStateSurvivesAndLocks(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "state.json")
	var group sync.WaitGroup
	for range 20 {
		group.Go(func() {
			err := UpdateState(t.Context(), path, func(s *State) error {
				p := s.Streams["ops"]
				p.Sequence, p.Digest = p.Sequence+1, digest("x")
				s.Streams["ops"] = p
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	s, err := LoadState(path)
	if err != nil || s.Streams["ops"].Sequence != 20 {
		t.Fatalf("state %+v, %v, want 20 updates in it", s, err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, want 0600", info.Mode())
	}
	failed := errors.New("refused")
	if err := UpdateState(t.Context(), path, func(s *State) error { clear(s.Streams); return failed }); !errors.Is(err, failed) {
		t.Errorf("error %v, want that of the change", err)
	}
	if s, _ := LoadState(path); s.Streams["ops"].Sequence != 20 {
		t.Error("a refused change was written")
	}
}

// TestDamagedStateIsNotAnEmptyOne: an empty state would accept every rollback.
func TestDamagedStateIsNotAnEmptyOne(t *testing.T) {
	t.Parallel()
	good := `{"format":"datamesh-bundle-state/1","streams":{"ops":{"sequence":4,"digest":"` + string(digest("4")) + `"}}}`
	for name, text := range map[string]string{
		"empty":        "",
		"torn":         good[:len(good)-20],
		"null":         "null",
		"no streams":   `{"format":"datamesh-bundle-state/1"}`,
		"duplicate":    strings.Replace(good, `"sequence":4`, `"sequence":4,"sequence":1`, 1),
		"capitals":     strings.Replace(good, `"sequence":4`, `"sequence":4,"Sequence":1`, 1),
		"other format": strings.Replace(good, "state/1", "state/2", 1),
		"negative":     strings.Replace(good, `"sequence":4`, `"sequence":-4`, 1),
		"no digest":    strings.Replace(good, `,"digest":"`+string(digest("4"))+`"`, "", 1),
		"bad digest":   strings.Replace(good, "sha256:", "md5:", 1),
		"bad name":     strings.Replace(good, `"ops"`, `"Ops/.."`, 1),
		"trailing":     good + good,
		"endless":      good + strings.Repeat(" ", maxState),
	} {
		path := filepath.Join(t.TempDir(), "state.json")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if s, err := LoadState(path); err == nil {
			t.Errorf("%s: read as %+v", name, s)
		}
		if err := UpdateState(t.Context(), path, func(*State) error { return nil }); err == nil {
			t.Errorf("%s: overwritten", name)
		}
	}
	path := filepath.Join(t.TempDir(), "state.json")
	if err := os.WriteFile(path, []byte(good), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadState(path); err != nil {
		t.Errorf("the good one: %v", err)
	}
}

func TestStateThatCouldNotBeReadIsNotWritten(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "state.json")
	err := UpdateState(t.Context(), path, func(s *State) error { s.Streams["Bad Name"] = Position{}; return nil })
	if err == nil {
		t.Error("a state that cannot be read again was written")
	}
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Error("the state file was made")
	}
}

func FuzzState(f *testing.F) {
	f.Add([]byte(`{"format":"datamesh-bundle-state/1","streams":{"ops":{"sequence":0,"minimum":3}}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		s, err := decodeState(text)
		if err != nil {
			return
		}
		path := filepath.Join(t.TempDir(), "s")
		if err := s.save(path); err != nil {
			t.Fatalf("read %q and cannot write it: %v", text, err)
		}
		if _, err := LoadState(path); err != nil {
			t.Errorf("wrote what cannot be read: %v", err)
		}
	})
}
