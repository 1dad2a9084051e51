package platformd

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// Ready is what the ready file says: how to reach the server, and as whom.
type Ready struct {
	Endpoint string `json:"endpoint"`
	Token    string `json:"token,omitempty"` // of an administrator, in development mode
	PID      int    `json:"pid"`
}

// maxReady is far above the two KiB of a ready file, in bytes.
const maxReady = 64 << 10

// clearReady removes the ready file that an earlier server left when it was
// killed, so that nobody who waits for this one reads that one's. Anything
// else in its place is refused, not replaced; an empty file is anybody's.
func clearReady(path string) error {
	raw, err := readSmall(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return checkParent(path)
	case err != nil:
		return fmt.Errorf("ready file: %w", err)
	case len(raw) == 0:
		return nil
	}
	var ready Ready
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.DisallowUnknownFields()
	if decoder.Decode(&ready) != nil || ready.Endpoint == "" || ready.PID == 0 {
		return fmt.Errorf("ready file: %s exists and is not a ready file: name another, or remove it", path)
	}
	return os.Remove(path)
}

func checkParent(path string) error {
	info, err := os.Stat(filepath.Dir(path))
	if err != nil {
		return fmt.Errorf("ready file: its directory: %w", err)
	}
	if !info.IsDir() {
		return fmt.Errorf("ready file: %s is not a directory", filepath.Dir(path))
	}
	return nil
}

func readSmall(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > maxReady {
		return nil, fmt.Errorf("%s exists and is not a ready file: name another, or remove it", path)
	}
	return os.ReadFile(path) //nolint:gosec // the operator names the file
}

// writeReady puts the file in its place whole, readable by its owner only.
func writeReady(path string, ready Ready) error {
	raw, err := json.Marshal(ready)
	if err != nil {
		return fmt.Errorf("ready file: %w", err)
	}
	file, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*") // mode 0600
	if err != nil {
		return fmt.Errorf("ready file: %w", err)
	}
	_, err = io.Copy(file, bytes.NewReader(append(raw, '\n')))
	if err = errors.Join(err, file.Close()); err == nil {
		err = os.Rename(file.Name(), path)
	}
	if err != nil {
		_ = os.Remove(file.Name()) // the failure itself is reported
		return fmt.Errorf("ready file: %w", err)
	}
	return nil
}

// removeReady removes the file unless another server has written its own there.
func removeReady(path string, mine Ready) error {
	raw, err := readSmall(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("remove the ready file: %w", err)
	}
	var ready Ready
	if json.Unmarshal(raw, &ready) == nil && ready == mine {
		return os.Remove(path)
	}
	return nil
}
