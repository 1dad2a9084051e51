package envelope

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"

	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/artifact"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/durable"
	"github.com/meshwright/terraform-provider-datamesh/internal/strictjson"
)

// stateFormat is the format of the state file.
const stateFormat = "datamesh-bundle-state/1"

// maxState is the longest state file, in bytes.
const maxState = 1 << 20

var stateLimits = strictjson.Limits{Bytes: maxState, Depth: 3, Values: 50_000}

// State is what this side remembers of the bundles that it has loaded, in a
// file: without it no rollback could be seen.
type State struct {
	Format  string              `json:"format"`
	Streams map[string]Position `json:"streams"`
}

// LoadState reads the state file. A missing file is a side that has loaded
// nothing yet; anything else that cannot be read is an error, since an empty
// state would accept every old bundle.
func LoadState(path string) (*State, error) {
	text, err := readState(path)
	if errors.Is(err, fs.ErrNotExist) {
		return &State{Format: stateFormat, Streams: map[string]Position{}}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read state of streams: %w", err)
	}
	state, err := decodeState(text)
	if err != nil {
		return nil, fmt.Errorf("state of streams %s: %w; restore it from a backup: without it, old bundles could be replayed", path, err)
	}
	return state, nil
}

func readState(path string) ([]byte, error) {
	file, err := os.Open(path) //nolint:gosec // G304: the operator names their state file
	if err != nil {
		return nil, err
	}
	defer file.Close() //nolint:errcheck // only read
	return io.ReadAll(io.LimitReader(file, maxState+1))
}

func decodeState(text []byte) (*State, error) {
	tree, err := strictjson.Parse(string(text), stateLimits)
	if err != nil {
		return nil, err
	}
	var s State
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&s); err != nil {
		return nil, err
	}
	if s.Format != stateFormat || s.Streams == nil {
		return nil, fmt.Errorf("is not of format %s", stateFormat)
	}
	for name, p := range s.Streams {
		if err := p.check(name); err != nil {
			return nil, err
		}
	}
	return &s, s.isAllOf(tree)
}

// isAllOf refuses keys that encoding/json reads and others would not, such as
// those in capitals.
func (s *State) isAllOf(tree *strictjson.Value) error {
	text, err := json.Marshal(s)
	if err != nil {
		return err
	}
	again, err := strictjson.Parse(string(text), stateLimits)
	if err != nil {
		return err
	}
	if again.Print(strictjson.Decimal) != tree.Print(strictjson.Decimal) {
		return errors.New("holds more or other keys than this program writes")
	}
	return nil
}

func (p Position) check(stream string) error {
	if err := CheckName(stream); err != nil {
		return err
	}
	if p.Sequence < 0 || p.Sequence > MaxSequence || p.Minimum < 0 || p.Minimum > MaxSequence || (p.Sequence == 0) != (p.Digest == "") {
		return fmt.Errorf("stream %s has numbers that no stream has", stream)
	}
	if p.Digest == "" {
		return nil
	}
	_, err := artifact.ParseDigest(string(p.Digest))
	return err
}

// lockPoll is how often a lock that another process holds is tried again.
const lockPoll = 100 * time.Millisecond

// UpdateState changes the state file under a lock, so that two loads cannot
// both pass the same check. The file has mode 0600 and is replaced whole: after
// a crash it holds the old state or the new one. When change returns an error,
// nothing is written and that error is returned. It waits for the lock until ctx
// ends.
func UpdateState(ctx context.Context, path string, change func(*State) error) (err error) {
	lock := flock.New(path+".lock", flock.SetPermissions(0o600))
	if _, err := lock.TryLockContext(ctx, lockPoll); err != nil {
		return fmt.Errorf("lock state of streams: %w", err)
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	state, err := LoadState(path)
	if err != nil {
		return err
	}
	if err := change(state); err != nil {
		return err
	}
	return state.save(path)
}

func (s *State) save(path string) error {
	text, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return fmt.Errorf("print state of streams: %w", err)
	}
	if _, err := decodeState(text); err != nil {
		return fmt.Errorf("state of streams: %w", err) // never write what could not be read again
	}
	if err := replace(path, append(text, '\n')); err != nil {
		return fmt.Errorf("write state of streams: %w", err)
	}
	return nil
}

// replace writes a file beside its place, flushes it, and moves it there.
func replace(path string, text []byte) (err error) {
	file, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*") // mode 0600
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(file.Name()))
		}
	}()
	_, err = file.Write(text)
	if err = errors.Join(err, file.Sync(), file.Close()); err != nil {
		return err
	}
	if err := os.Rename(file.Name(), path); err != nil {
		return err
	}
	return durable.SyncDir(filepath.Dir(path))
}
