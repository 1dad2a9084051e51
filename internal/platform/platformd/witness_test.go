package platformd

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/meshwright/terraform-provider-datamesh/internal/audit"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/audittest"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/configfile"
)

// startWitness starts a witness for the log of a data directory.
func startWitness(t *testing.T, w *audittest.Witness, dir string) {
	t.Helper()
	key, err := loadLogKey(dir)
	if err != nil {
		t.Fatal(err)
	}
	w.Start(t, key.Public())
}

func witnessKey(t *testing.T, w *audittest.Witness) audit.WitnessKey {
	t.Helper()
	key, err := audit.ParseWitnessKey(w.Key)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// cosigned waits until the published checkpoint covers this many entries and
// returns its text.
func cosigned(t *testing.T, s running, size int64) []byte {
	t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		status, body := ask(t, "GET", s.Endpoint()+"/audit/checkpoint", s.Ready().Token, "")
		if status == http.StatusOK {
			if c, err := publicKey(t, s).Open([]byte(body)); err == nil && c.Size >= size {
				return []byte(body)
			}
		}
		if time.Now().After(deadline) {
			t.Fatalf("no cosigned checkpoint of %d entries: %d %s\n%s", size, status, body, s.log)
		}
	}
}

// TestARealWitnessCosignsAndRefusesAFork is the whole life of a witnessed log:
// it is cosigned, goes on after a restart, and a database that was put back
// together with every file that could give it away is refused by the witness,
// and the server is not ready. The witness is that of transparency-dev.
func TestARealWitnessCosignsAndRefusesAFork(t *testing.T) {
	t.Parallel()
	begun := time.Now()
	w := audittest.NewWitness(t, "witness.example/one")
	dir := stopped(t, 2)
	backup := t.TempDir()
	for _, name := range []string{DatabaseName, CheckpointName} {
		copyFile(t, filepath.Join(dir, name), filepath.Join(backup, name))
	}
	startWitness(t, w, dir)
	config := Config{DataDir: dir}
	config.Audit.Witnesses = configfile.Witnesses{Members: []configfile.Witness{w.Witness}, Patience: "1ns"}
	s := start(t, config)
	witnesses := audit.Witnesses{Keys: []audit.WitnessKey{witnessKey(t, w)}, Quorum: 1}
	for _, size := range []int64{2, 5} {
		record(t, s, int(size-2))
		signed := cosigned(t, s, size)
		found, err := witnesses.Satisfied(signed)
		if err != nil || found[0].Time.Before(begun.Add(-time.Minute)) || time.Until(found[0].Time) > time.Minute {
			t.Fatalf("got the cosignatures %v, %v", found, err)
		}
	}
	waitReady(t, s, http.StatusOK)
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	s = start(t, config)
	record(t, s, 300)
	cosigned(t, s, 305)
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}

	for _, name := range []string{DatabaseName, CheckpointName} {
		copyFile(t, filepath.Join(backup, name), filepath.Join(dir, name))
	}
	if failed, err := Open(t.Context(), Config{Dev: true, DataDir: dir, Audit: config.Audit}); err == nil || !strings.Contains(err.Error(), CosignedName) {
		t.Fatalf("put back all but the cosigned checkpoint: got %v, want it refused", errors.Join(err, failed.Close()))
	}
	if err := os.Remove(filepath.Join(dir, CosignedName)); err != nil {
		t.Fatal(err)
	}
	s = start(t, config)
	record(t, s, 1)
	waitReady(t, s, http.StatusServiceUnavailable)
	waitLog(t, s, "another history")
	if status, body := ask(t, "GET", s.Endpoint()+"/audit/checkpoint", s.Ready().Token, ""); status != http.StatusServiceUnavailable {
		t.Errorf("the fork is published: %d %s", status, body)
	}
}

func waitLog(t *testing.T, s running, says string) {
	t.Helper()
	for deadline := time.Now().Add(patience); !strings.Contains(s.log.String(), says); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("the log never says %q:\n%s", says, s.log)
		}
	}
}

// TestTwoCheckpointsForOneSize: the owner of key and machine changes an entry
// and signs everything again. The witness gives no cosignature for the second
// history, neither at the size that it knows nor when that has grown.
func TestTwoCheckpointsForOneSize(t *testing.T) {
	t.Parallel()
	w := audittest.NewWitness(t, "witness.example/two")
	dir := stopped(t, 3)
	startWitness(t, w, dir)
	config := Config{DataDir: dir}
	config.Audit.Witnesses = configfile.Witnesses{Members: []configfile.Witness{w.Witness}, Patience: "1ns"}
	s := start(t, config)
	cosigned(t, s, 3)
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	copyFile(t, filepath.Join(stopped(t, 3), DatabaseName), filepath.Join(dir, DatabaseName))
	for _, name := range []string{CheckpointName, CosignedName} {
		if err := os.Remove(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	s = start(t, config) // signs the second history: it knows of no first
	waitReady(t, s, http.StatusServiceUnavailable)
	waitLog(t, s, "another history")
	record(t, s, 2)
	if status, body := ask(t, "GET", s.Endpoint()+"/audit/checkpoint", s.Ready().Token, ""); status != http.StatusServiceUnavailable {
		t.Errorf("the second history is published: %d %s", status, body)
	}
}

// TestAQuorumOfWitnesses is had without one that is away.
func TestAQuorumOfWitnesses(t *testing.T) {
	t.Parallel()
	one, two, away := audittest.NewWitness(t, "witness.example/1"), audittest.NewWitness(t, "witness.example/2"), audittest.NewWitness(t, "witness.example/3")
	dir := stopped(t, 3)
	startWitness(t, one, dir)
	startWitness(t, two, dir)
	config := Config{DataDir: dir}
	config.Audit.Witnesses = configfile.Witnesses{Quorum: 2, Members: []configfile.Witness{away.Witness, one.Witness, two.Witness}}
	s := start(t, config)
	all := audit.Witnesses{Keys: []audit.WitnessKey{witnessKey(t, one), witnessKey(t, two), witnessKey(t, away)}, Quorum: 2}
	if _, err := all.Satisfied(cosigned(t, s, 3)); err != nil {
		t.Error(err)
	}
	all.Quorum = 3
	if _, err := all.Satisfied(cosigned(t, s, 3)); !errors.Is(err, audit.ErrNotCosigned) {
		t.Errorf("three of two: got %v", err)
	}
	waitReady(t, s, http.StatusOK)
}

func TestWitnessesThatMakeNoSense(t *testing.T) {
	t.Parallel()
	const here = "http://127.0.0.1:1"
	one, again, other := vkey("w.example/1", 1), vkey("w.example/2", 1), vkey("w.example/1", 2)
	for reason, config := range map[string]configfile.Witnesses{
		"name+id+key":         {Members: []configfile.Witness{{URL: here, Key: "w"}}},
		"no time such as":     {Patience: "soon", Members: []configfile.Witness{{URL: here, Key: one}}},
		"would count twice":   {Members: []configfile.Witness{{URL: here, Key: one}, {URL: here, Key: again}}},
		"have the same name":  {Members: []configfile.Witness{{URL: here, Key: one}, {URL: here, Key: other}}},
		"a quorum of 2":       {Quorum: 2, Members: []configfile.Witness{{URL: here, Key: one}}},
		"a quorum of -1":      {Quorum: -1, Members: []configfile.Witness{{URL: here, Key: one}}},
		"without TLS":         {Members: []configfile.Witness{{URL: "http://w.example", Key: one}}},
		"has no ca_files":     {Members: []configfile.Witness{{URL: "https://w.example", Key: one}}},
		"address is not":      {Members: []configfile.Witness{{URL: "https://a:b@w.example", Key: one}}},
		"no such file":        {Members: []configfile.Witness{{URL: "https://w.example", Key: one, CAFiles: []string{"absent"}}}},
		"no certificate in P": {Members: []configfile.Witness{{URL: "https://w.example", Key: one, CAFiles: []string{"witness_test.go"}}}},
	} {
		s, err := Open(t.Context(), Config{Dev: true, DataDir: t.TempDir(), Audit: configfile.Audit{Witnesses: config}})
		if err == nil {
			t.Fatal("the server opened", s.Close())
		}
		if !strings.Contains(err.Error(), reason) {
			t.Errorf("got %v, want %q in it", err, reason)
		}
	}
}

// vkey is a witness's public key made from a seed.
func vkey(name string, seed byte) string {
	public, _ := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{seed}, ed25519.SeedSize)).Public().(ed25519.PublicKey)
	typed := append([]byte{4}, public...)
	id := sha256.Sum256(append([]byte(name+"\n"), typed...))
	return fmt.Sprintf("%s+%x+%s", name, id[:4], base64.StdEncoding.EncodeToString(typed))
}
