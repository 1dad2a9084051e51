package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// ready is the server's ready file.
type ready struct {
	Endpoint string `json:"endpoint"`
	Token    string `json:"token"`
	PID      int    `json:"pid"`
}

// server is the platform in a process of its own.
type server struct {
	command *exec.Cmd
	ready   ready
	file    string     // the ready file
	ended   chan error // answers once, when the process has ended
	stopped bool
}

const (
	startTimeout = time.Minute
	stopTimeout  = 15 * time.Second // above the server's own grace
)

// startServer starts the platform on a free port and waits until it serves.
func startServer(ctx context.Context, binary, data, file, log string) (*server, error) {
	output, err := os.OpenFile(log, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600) //nolint:gosec // in the report directory
	if err != nil {
		return nil, err
	}
	defer func() { _ = output.Close() }() // the process has its own copy
	s := &server{file: file, ended: make(chan error, 1)}
	// It ends by stop alone, so that it ends as a user would end it.
	s.command = exec.CommandContext(context.WithoutCancel(ctx), binary, "server", "--dev", "--data", data, "--listen", "127.0.0.1:0", "--ready-file", file) //nolint:gosec // the binary just built
	s.command.Stdout, s.command.Stderr = output, output
	if err := s.command.Start(); err != nil {
		return nil, err
	}
	go func() { s.ended <- s.command.Wait() }()
	if err := s.wait(ctx); err != nil {
		text, _ := os.ReadFile(log) //nolint:gosec // as above; its absence says nothing more
		return nil, errors.Join(fmt.Errorf("%w\n%s", err, text), s.stop())
	}
	return s, nil
}

// wait waits for the ready file.
func (s *server) wait(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		raw, err := os.ReadFile(s.file)
		if err == nil {
			return json.Unmarshal(raw, &s.ready)
		}
		select {
		case err := <-s.ended:
			s.stopped = true
			return fmt.Errorf("the server ended before it served: %w", err)
		case <-ctx.Done():
			return fmt.Errorf("the server does not serve: %w", ctx.Err())
		case <-tick.C:
		}
	}
}

// stop tells the server to end, and makes it when it does not listen. Calling
// it again does nothing.
func (s *server) stop() error {
	if s.stopped {
		return nil
	}
	s.stopped = true
	if err := s.command.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	select {
	case err := <-s.ended:
		return err
	case <-time.After(stopTimeout):
		return errors.Join(fmt.Errorf("the server did not end within %v", stopTimeout), s.command.Process.Kill(), <-s.ended)
	}
}

// remains says what is left of the server: a ready file, a listener.
func (s *server) remains(ctx context.Context) error {
	if _, err := os.Stat(s.file); !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("the ready file is still there: %w", err)
	}
	conn, err := (&net.Dialer{Timeout: time.Second}).DialContext(ctx, "tcp", strings.TrimPrefix(s.ready.Endpoint, "http://"))
	if err == nil {
		return errors.Join(errors.New("something still listens at "+s.ready.Endpoint), conn.Close())
	}
	return nil
}

// awaitEnd waits until no process of a program below a directory is left, and
// lists those that are when the context ends. Terraform kills a provider that
// takes long to end, and does not wait until the kernel is done with it.
func awaitEnd(ctx context.Context, dir string) ([]string, error) {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		left, err := processesOf(dir)
		if err != nil || len(left) == 0 {
			return nil, err
		}
		select {
		case <-ctx.Done():
			return left, nil
		case <-tick.C:
		}
	}
}

// processesOf lists the processes whose program is below a directory, where
// the system has /proc. Elsewhere it lists none: the exit codes have to do.
func processesOf(dir string) ([]string, error) {
	links, err := filepath.Glob("/proc/[0-9]*/exe")
	if err != nil {
		return nil, err
	}
	var found []string
	for _, link := range links {
		// Processes of others cannot be read, and some end meanwhile.
		if program, err := os.Readlink(link); err == nil && strings.HasPrefix(program, dir+string(filepath.Separator)) {
			found = append(found, link+" "+program)
		}
	}
	return found, nil
}
