package main

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
	_ "modernc.org/sqlite" // to check the file beside the server
)

const (
	crashKills   = 50
	crashWriters = 6
	crashLeast   = 4 // answers before a kill
	crashObjects = 4 // of each writer: few, so that they are replaced and deleted often

	crashDomain = `{"name": "crash", "display_name": "Crash", "discipline": "OTHER", "contact": "crash@example.org",
		"team": {"ann": {"role": "owner"}}, "deletion_protection": false}`
	crashSLA = `{"domain": "crash", "name": %q, "description": %q, "availability": {"target_percent": 99.5, "window": "30d"}}`
)

// TestSIGKILLLosesNoAcknowledgedWrite kills the real server again and again
// while clients write to it over HTTP. After each restart the catalogue must be
// exactly what was acknowledged; the one request that each client had under way
// may have taken effect, whole, or not at all.
func TestSIGKILLLosesNoAcknowledgedWrite(t *testing.T) {
	t.Parallel()
	c := &crash{binary: buildBinary(t), dir: filepath.Join(t.TempDir(), "data"), standing: map[string]string{}}
	kills := crashKills
	if testing.Short() {
		kills = 5
	}
	for kill := range kills {
		if err := c.round(t.Context(), kill); err != nil {
			t.Fatalf("kill %d: %v", kill, err)
		}
	}
	wantIntact(t, filepath.Join(c.dir, "datamesh.db"))
	c.wantAudited(t)
	t.Logf("%d kills, %d acknowledged writes, none lost; %d requests cut off, of which %d had taken effect",
		kills, len(c.acknowledged), c.cutOff, c.tookEffect)
}

// crash is what the clients know, from answers alone.
type crash struct {
	binary, dir        string
	standing           map[string]string // description of each SLA that stands, by its name
	acknowledged       []write
	underWay           map[string]write // requests that the last kill cut off
	cutOff, tookEffect int
}

// write is one change of an SLA.
type write struct {
	name        string
	description string // "" deletes
	revision    string // what the answer called the new state; "" after a delete
}

func (w write) apply(to map[string]string) {
	if w.description == "" {
		delete(to, w.name)
		return
	}
	to[w.name] = w.description
}

// round starts the server, compares, and kills it while all clients write.
func (c *crash) round(ctx context.Context, number int) error {
	s, err := startServer(ctx, c.binary, c.dir)
	if err != nil {
		return err
	}
	defer s.kill()
	if number == 0 {
		if _, err := s.send(ctx, http.MethodPut, "domains/crash", crashDomain); err != nil {
			return err
		}
	}
	if err := c.compare(ctx, s); err != nil {
		return err
	}
	clients := make([]crashClient, crashWriters)
	told := killAfter(s, crashLeast+rand.IntN(60))
	var g errgroup.Group
	for i := range clients {
		clients[i] = crashClient{prefix: fmt.Sprintf("w%d-", i), round: number, standing: maps.Clone(c.standing), told: told}
		g.Go(func() error { return clients[i].writeUntilCut(ctx, s) })
	}
	if err := g.Wait(); err != nil {
		return fmt.Errorf("%w\n%s", err, s.log())
	}
	c.learn(clients)
	return nil
}

// killAfter kills the server at some moment after so many answers, each of which
// calls what it returns: how much a round proves is not left to the speed of the
// machine, and where the requests under way are then is left to chance.
func killAfter(s *crashServer, answers int) (told func()) {
	var left atomic.Int64
	left.Store(int64(answers))
	return func() {
		if left.Add(-1) == 0 {
			time.AfterFunc(rand.N(20*time.Millisecond), s.kill)
		}
	}
}

// learn takes over what the clients were told.
func (c *crash) learn(clients []crashClient) {
	c.underWay = map[string]write{}
	for _, client := range clients {
		for _, w := range client.acknowledged {
			w.apply(c.standing)
		}
		c.acknowledged = append(c.acknowledged, client.acknowledged...)
		c.underWay[client.underWay.name] = client.underWay
		c.cutOff++
	}
}

// compare holds what the restarted server lists against what was acknowledged.
func (c *crash) compare(ctx context.Context, s *crashServer) error {
	found, err := s.list(ctx)
	if err != nil {
		return err
	}
	names := maps.Clone(found)
	maps.Copy(names, c.standing)
	for name := range names {
		got, want, cut := found[name], c.standing[name], c.underWay[name]
		switch {
		case got == want:
		case cut.name == name && got == cut.description:
			cut.apply(c.standing)
			c.tookEffect++
		default:
			return fmt.Errorf("SLA %s: got %q, want %q, which was acknowledged, or %q, which was under way", name, got, want, cut.description)
		}
	}
	return nil
}

// crashClient writes to objects of its own, one request after the other.
type crashClient struct {
	prefix       string
	round        int
	standing     map[string]string
	acknowledged []write
	underWay     write // the one that the kill cut off
	told         func()
}

func (c *crashClient) writeUntilCut(ctx context.Context, s *crashServer) error {
	for n := 0; ; n++ {
		c.underWay = c.next(n)
		var err error
		if c.underWay.description == "" {
			_, err = s.send(ctx, http.MethodDelete, "domains/crash/slas/"+c.underWay.name, "")
		} else {
			c.underWay.revision, err = s.send(ctx, http.MethodPut, "domains/crash/slas/"+c.underWay.name,
				fmt.Sprintf(crashSLA, c.underWay.name, c.underWay.description))
		}
		if errors.Is(err, errCut) {
			return nil
		}
		if err != nil {
			return err
		}
		c.underWay.apply(c.standing)
		c.acknowledged = append(c.acknowledged, c.underWay)
		c.told()
	}
}

// next replaces or creates mostly, and deletes what stands now and then. No
// description is written twice.
func (c *crashClient) next(n int) write {
	name := fmt.Sprint(c.prefix, rand.IntN(crashObjects))
	if _, stands := c.standing[name]; stands && rand.IntN(4) == 0 {
		return write{name: name}
	}
	filler := strings.Repeat("x", rand.IntN(2000))
	return write{name: name, description: fmt.Sprintf("round %d, write %d %s", c.round, n, filler)}
}

// wantAudited looks for the audit entry of each acknowledged write: a change
// by its revision, a delete by counting.
func (c *crash) wantAudited(t *testing.T) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), c.binary, "audit", "export", "--data", c.dir).Output()
	if err != nil {
		t.Fatalf("audit export: %v", err)
	}
	revisions, deletes := map[string]string{}, map[string]int{}
	for line := range bytes.Lines(out) {
		var e struct{ Action, Object, Revision string }
		if err := json.Unmarshal(line, &e); err != nil {
			t.Fatalf("audit entry %s: %v", line, err)
		}
		if e.Action == "delete" {
			deletes[e.Object]++
			continue
		}
		revisions[e.Revision] = e.Object
	}
	for _, w := range c.acknowledged {
		object := "slas/crash/" + w.name
		if w.description == "" {
			deletes[object]--
		} else if revisions[w.revision] != object {
			t.Errorf("no audit entry has revision %q of %s, whose write was acknowledged", w.revision, object)
		}
	}
	for object, n := range deletes {
		if n < 0 {
			t.Errorf("%s: %d acknowledged deletes have no audit entry", object, -n)
		}
	}
}

// wantIntact has SQLite itself check the file that the last kill left behind.
func wantIntact(t *testing.T, path string) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}()
	var verdict string
	if err := db.QueryRowContext(t.Context(), `PRAGMA integrity_check`).Scan(&verdict); err != nil || verdict != "ok" {
		t.Errorf("integrity_check: got %q, %v, want ok", verdict, err)
	}
	var broken, entries, last int
	if err := db.QueryRowContext(t.Context(), `SELECT count(*) FROM pragma_foreign_key_check`).Scan(&broken); err != nil || broken != 0 {
		t.Errorf("foreign_key_check: got %d broken references, %v, want none", broken, err)
	}
	err = db.QueryRowContext(t.Context(), `SELECT sum(last - first + 1), max(last) FROM audit`).Scan(&entries, &last)
	if err != nil || entries != last {
		t.Errorf("audit: got %d entries up to number %d, %v, want no gap", entries, last, err)
	}
}
