package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// reference is the least that could answer as the platform does, in a process
// of its own, as the platform is: a bare handler that answers a GET with the
// same bytes, and a POST with the same bytes once the body is appended to a
// file and synced.
type reference struct {
	endpoint string
	cmd      *exec.Cmd
	stdin    io.Closer // ends it
}

// The files of a reference in its folder: the answers to GET and to POST.
const (
	getAnswer  = "get"
	postAnswer = "post"
)

// startReference starts this program again as a reference.
func startReference(ctx context.Context, dir string, get, post []byte) (*reference, error) {
	for name, answer := range map[string][]byte{getAnswer: get, postAnswer: post} {
		if err := os.WriteFile(filepath.Join(dir, name), answer, 0o600); err != nil {
			return nil, err
		}
	}
	return startSelf(ctx, "-reference", dir)
}

// startSelf starts this program again, to serve until it is stopped.
func startSelf(ctx context.Context, arguments ...string) (*reference, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	r := &reference{cmd: exec.CommandContext(ctx, self, arguments...)} //nolint:gosec // ourselves
	r.cmd.Stderr = os.Stderr
	stdout, err := r.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if r.stdin, err = r.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	if err := r.cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting the reference: %w", err)
	}
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		return nil, errors.Join(fmt.Errorf("the reference did not say where it serves: %w", err), r.stop())
	}
	r.endpoint = strings.TrimSpace(line)
	return r, nil
}

// stop ends the process and waits for it.
func (r *reference) stop() error { return errors.Join(r.stdin.Close(), r.cmd.Wait()) }

// serveReference is the process: it prints where it serves, until its standard
// input ends.
func serveReference(ctx context.Context, dir string) error {
	get, err := os.ReadFile(filepath.Join(dir, getAnswer)) //nolint:gosec // the folder that our parent names
	if err != nil {
		return err
	}
	post, err := os.ReadFile(filepath.Join(dir, postAnswer)) //nolint:gosec // as above
	if err != nil {
		return err
	}
	file, err := os.Create(filepath.Join(dir, "appended")) //nolint:gosec // as above
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }() // a scratch file
	mux := http.NewServeMux()
	mux.HandleFunc("GET /", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write(get) // the benchmark sees a short answer
	})
	mux.Handle("POST /", &appender{file: file, answer: post})
	return serveSelf(ctx, mux)
}

// serveSelf prints where it serves, until its standard input ends.
func serveSelf(ctx context.Context, handler http.Handler) error {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: time.Minute}
	go func() { _ = server.Serve(listener) }() // ends with Close below
	fmt.Println("http://" + listener.Addr().String())
	_, err = io.Copy(io.Discard, os.Stdin)
	return errors.Join(err, server.Close())
}

// appender keeps what it is sent. One body at a time, as a database does.
type appender struct {
	mu     sync.Mutex // guards file
	file   *os.File
	answer []byte
}

func (a *appender) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err == nil {
		err = a.append(body)
	}
	if err != nil {
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	_, _ = w.Write(a.answer) // the benchmark sees a short answer
}

func (a *appender) append(body []byte) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	_, err := a.file.Write(body)
	return errors.Join(err, a.file.Sync())
}
