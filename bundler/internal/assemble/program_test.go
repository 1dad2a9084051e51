package assemble

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"
)

// build is the program as it ships.
func build(t testing.TB) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "datamesh-bundler")
	cmd := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", program, "../..")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build the program: %v\n%s", err, text)
	}
	return program
}

// made runs "datamesh-bundler create", which tells its progress to a pipe, and
// measures it from outside.
func (f *fixture) made(t testing.TB, program string, j job, flags ...string) outcome {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string][]byte{
		"bundle.yaml": []byte(j.Bundle), "policy.yaml": []byte(j.Policy), "vendor.pub": j.Vendor, "other.pub": j.Vendor,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.CommandContext(t.Context(), program, append([]string{
		"create", "--file", filepath.Join(dir, "bundle.yaml"), "--out", filepath.Join(dir, "out"), "--key", j.Key, "--parallel", strconv.Itoa(j.Parallel),
	}, flags...)...)
	told := &lastLines{}
	cmd.Stdout, cmd.Stderr = told, told
	begun := time.Now()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	o := watched(cmd)
	if err := cmd.Wait(); err != nil {
		t.Fatalf("datamesh-bundler create: %v\n%s", err, told.text)
	}
	o().Seconds = time.Since(begun).Seconds()
	usage, _ := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	o().CPU = float64(usage.Utime.Nano()+usage.Stime.Nano()) / 1e9
	if err := os.RemoveAll(filepath.Join(dir, "out")); err != nil {
		t.Fatal(err)
	}
	return *o()
}

// watched notes what the kernel says of a process while it runs: a peak and a
// sum, which only grow, read fifty times a second. Of its resource usage the
// peak would be that of the parent, which it starts from. Calling what it
// returns ends the watch.
func watched(cmd *exec.Cmd) func() *outcome {
	o, ended := &outcome{}, make(chan struct{})
	ctx, stop := context.WithCancel(context.Background())
	go func() {
		defer close(ended)
		for tick := time.NewTicker(20 * time.Millisecond); ; <-tick.C {
			self := "/proc/" + strconv.Itoa(cmd.Process.Pid) + "/"
			o.MaxRSS = max(o.MaxRSS, number(self+"status", "VmHWM:")<<10)
			o.Written = max(o.Written, number(self+"io", "write_bytes:"))
			if ctx.Err() != nil {
				return
			}
		}
	}()
	return func() *outcome { stop(); <-ended; return o }
}

// lastLines keeps the end of what a program says.
type lastLines struct{ text []byte }

func (l *lastLines) Write(p []byte) (int, error) {
	l.text = append(l.text, p...)
	l.text = l.text[max(0, len(l.text)-4096):]
	return len(p), nil
}
