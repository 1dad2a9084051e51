package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// startup bounds the time that the server may take until it serves.
const startup = 30 * time.Second

// server is a running `datamesh server --dev`.
type server struct {
	Endpoint string `json:"endpoint"`
	Token    string `json:"token"`

	cmd   *exec.Cmd
	ended chan struct{} // closed when the process has ended; the rest is read after that
	err   error
	log   *os.File // what the server prints: a pipe would make us read it while we measure
}

func startServer(ctx context.Context, bin, dir string, more ...string) (*server, error) {
	ready := filepath.Join(dir, "ready.json")
	log, err := os.Create(filepath.Join(dir, "server.log")) //nolint:gosec // our own temporary folder
	if err != nil {
		return nil, err
	}
	s := &server{ended: make(chan struct{}), log: log}
	//nolint:gosec // -bin names the program on purpose
	s.cmd = exec.CommandContext(ctx, filepath.Join(bin, "datamesh"), append([]string{
		"server", "--dev", "--data", filepath.Join(dir, "data"), "--listen", "127.0.0.1:0", "--ready-file", ready,
	}, more...)...)
	s.cmd.Stdout, s.cmd.Stderr = s.log, s.log
	if err := s.cmd.Start(); err != nil {
		return nil, errors.Join(fmt.Errorf("starting the server: %w", err), log.Close())
	}
	go func() {
		defer close(s.ended)
		s.err = s.cmd.Wait()
	}()
	if err := s.await(ctx, ready); err != nil {
		s.stop()
		return nil, err
	}
	return s, nil
}

// await polls for the ready file, which the server renames into place.
func (s *server) await(ctx context.Context, ready string) error {
	ctx, cancel := context.WithTimeout(ctx, startup)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		content, err := os.ReadFile(ready) //nolint:gosec // in the temporary folder made above
		if err == nil {
			return json.Unmarshal(content, s)
		}
		if !errors.Is(err, os.ErrNotExist) {
			return err
		}
		select {
		case <-s.ended:
			printed, _ := os.ReadFile(s.log.Name()) // says more about the failure when it can be read
			return fmt.Errorf("the server ended before it served: %w\n%s", s.err, printed)
		case <-ctx.Done():
			return fmt.Errorf("the server did not serve within %v: %w", startup, ctx.Err())
		case <-tick.C:
		}
	}
}

// stop ends the server and waits for it.
func (s *server) stop() {
	if err := s.cmd.Process.Signal(os.Interrupt); err != nil && !errors.Is(err, os.ErrProcessDone) {
		_ = s.cmd.Process.Kill() // the signal could not be sent; nothing else is left to try
	}
	select {
	case <-s.ended:
	case <-time.After(startup):
		_ = s.cmd.Process.Kill() // it did not end by itself; Wait reports in the goroutine
		<-s.ended
	}
	_ = s.log.Close() // the server wrote it, and nobody reads it any more
}
