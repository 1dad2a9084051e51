package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/validate"
)

// arrival is what the far side tells of itself, on its standard output.
type arrival struct {
	Verified string `json:"verified"` // what verify said
	Loaded   string `json:"loaded"`   // what load said
	Pulled   int    `json:"pulled"`   // images that were pulled by digest and checked
}

// crossing is what the far side is given.
type crossing struct {
	Bundler string   `json:"bundler"` // its binary
	Bundle  string   `json:"bundle"`  // directory
	Policy  string   `json:"policy"`
	State   string   `json:"state"`  // file
	Store   string   `json:"store"`  // directory of its registry
	Near    string   `json:"near"`   // address that must be out of reach, "" where the network is not cut
	Images  []string `json:"images"` // repository@digest below its registry
}

// farSide proves the bundle, loads it into a registry and pulls from that. It
// runs as a process of its own, without a network where that can be had.
func farSide(args []string) error {
	if len(args) != 1 {
		return errors.New("the far side takes what crosses, as JSON")
	}
	var c crossing
	if err := json.Unmarshal([]byte(args[0]), &c); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	if err := c.cut(ctx); err != nil {
		return err
	}
	host, stop, err := startRegistry(ctx, c.Store)
	if err != nil {
		return err
	}
	a, err := c.arrive(ctx, host)
	if err = errors.Join(err, stop()); err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(a)
}

// cut proves that there is no network but loopback.
func (c crossing) cut(ctx context.Context) error {
	if c.Near == "" {
		return nil
	}
	if err := raiseLoopback(); err != nil {
		return fmt.Errorf("loopback: %w", err)
	}
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		return err
	}
	for _, address := range addresses {
		if ip, _, err := net.ParseCIDR(address.String()); err != nil || !ip.IsLoopback() {
			return fmt.Errorf("the network is not cut: there is an address %s", address)
		}
	}
	connection, err := (&net.Dialer{Timeout: time.Second}).DialContext(ctx, "tcp", c.Near)
	if err == nil {
		return errors.Join(fmt.Errorf("the network is not cut: %s answers", c.Near), connection.Close())
	}
	return nil
}

func (c crossing) arrive(ctx context.Context, host string) (a arrival, err error) {
	if a.Verified, err = c.run(ctx, "verify", c.Bundle, "--trust", c.Policy, "--quiet"); err != nil {
		return a, err
	}
	a.Loaded, err = c.run(ctx, "load", c.Bundle, "--trust", c.Policy, "--to", "registry://"+host, "--state", c.State, "--quiet")
	if err != nil {
		return a, err
	}
	for _, image := range c.Images {
		if err := pull(ctx, host+"/"+image); err != nil {
			return a, fmt.Errorf("pull %s: %w", image, err)
		}
		a.Pulled++
	}
	return a, nil
}

// pull fetches an image by its digest and checks every layer of it.
func pull(ctx context.Context, reference string) error {
	digest, err := name.NewDigest(reference, name.StrictValidation)
	if err != nil {
		return err
	}
	pulled, err := remote.Image(digest, remote.WithContext(ctx))
	if err != nil {
		return err
	}
	return validate.Image(pulled)
}

// run runs the bundler and returns the first line that it printed.
func (c crossing) run(ctx context.Context, args ...string) (string, error) {
	command := exec.CommandContext(ctx, c.Bundler, args...) //nolint:gosec // the binary just built
	command.Env = append(os.Environ(), "HOME="+filepath.Dir(c.State))
	var stdout, stderr bytes.Buffer
	command.Stdout, command.Stderr = &stdout, &stderr
	if err := command.Run(); err != nil {
		return "", fmt.Errorf("datamesh-bundler %s: %w\n%s%s", args[0], err, stdout.String(), stderr.String())
	}
	line, _, _ := strings.Cut(stdout.String(), "\n")
	return line, nil
}
