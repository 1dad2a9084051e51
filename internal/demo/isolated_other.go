//go:build !linux

package main

import (
	"errors"
	"os/exec"
)

// isolate cannot cut the network here.
func isolate(*exec.Cmd) bool { return false }

func raiseLoopback() error { return errors.New("only in a network namespace") }
