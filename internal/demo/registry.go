package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/distribution/distribution/v3/configuration"
	"github.com/distribution/distribution/v3/registry/handlers"
	_ "github.com/distribution/distribution/v3/registry/storage/driver/filesystem" // its storage
	"github.com/sirupsen/logrus"
)

// A demo process can be started in another role, named in the environment.
const (
	roleVariable = "DATAMESH_DEMO_ROLE"
	roleRegistry = "registry" // argument: its directory
	roleFarSide  = "far-side" // arguments: see farSide
)

// role runs the process in the role that the environment names; false for
// none, which is the demo itself.
func role(args []string) bool {
	var err error
	switch os.Getenv(roleVariable) {
	case "":
		return false
	case roleRegistry:
		err = serveRegistry(args)
	case roleFarSide:
		err = farSide(args)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
	return true
}

// startRegistry serves the CNCF distribution registry from a directory on a free
// loopback port, in this process.
func startRegistry(ctx context.Context, dir string) (host string, close func() error, err error) {
	logrus.SetOutput(io.Discard)
	config := &configuration.Configuration{Storage: configuration.Storage{"filesystem": configuration.Parameters{"rootdirectory": dir}}}
	config.Log.AccessLog.Disabled = true
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	server := &http.Server{Handler: handlers.NewApp(ctx, config), ReadHeaderTimeout: 10 * time.Second, ErrorLog: log.New(io.Discard, "", 0)}
	go func() { _ = server.Serve(listener) }() // ends with close
	return listener.Addr().String(), server.Close, nil
}

// serveRegistry is the registry as a process: it says where it is and ends with
// its standard input.
func serveRegistry(args []string) error {
	if len(args) != 1 {
		return errors.New("a registry takes its directory")
	}
	host, stop, err := startRegistry(context.Background(), args[0])
	if err != nil {
		return err
	}
	fmt.Println(host)
	_, _ = io.Copy(io.Discard, os.Stdin) // until whoever started it is gone
	return stop()
}

// registry is a registry in a process of its own.
type registry struct {
	command *exec.Cmd
	input   io.Closer
	host    string
}

func launchRegistry(ctx context.Context, dir string) (*registry, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	r := &registry{command: exec.CommandContext(ctx, program, dir)} //nolint:gosec // this program
	r.command.Env = append(os.Environ(), roleVariable+"="+roleRegistry)
	output, err := r.command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if r.input, err = r.command.StdinPipe(); err != nil {
		return nil, err
	}
	if err := r.command.Start(); err != nil {
		return nil, err
	}
	line, err := bufio.NewReader(output).ReadString('\n')
	if err != nil {
		return nil, errors.Join(fmt.Errorf("the registry does not start: %w", err), r.stop())
	}
	r.host = strings.TrimSpace(line)
	return r, nil
}

func (r *registry) stop() error {
	return errors.Join(r.input.Close(), r.command.Wait())
}
