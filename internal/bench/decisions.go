package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/decisionbench"
)

// decisionConnections is how many connections ask for decisions at once.
const decisionConnections = 64

// The product that is decided on, here and there.
var decided = []catalog.Object{
	&catalog.Domain{Name: "decided", DisplayName: "Decided", Discipline: catalog.DisciplineOther, Contact: "bench@enclave.example",
		Team: map[string]catalog.Member{"a.stone": {Role: catalog.RoleOwner}}},
	&catalog.Product{Domain: "decided", Name: "tracks", Title: "Tracks", Version: "1.0.0", Marking: "SECRET//REL TO USA, FVEY"},
}

const (
	decidedDomain  = `{"display_name":"Decided","discipline":"OTHER","contact":"bench@enclave.example","team":{"a.stone":{"role":"owner"}}}`
	decidedProduct = `{"title":"Tracks","version":"1.0.0","marking":"SECRET//REL TO USA, FVEY"}`
	// question is on behalf of somebody: two parties are decided on.
	question = `{"subject":{"type":"user","id":"brit","properties":{"clearance":"S","countryOfAffiliation":["GBR"],"fineAccessControls":[],` +
		`"dutyOrganization":"GBR.MOD","employmentType":"gov"}},"action":{"name":"read"},"resource":{"type":"product","id":"decided/tracks"}}`
)

// decisions measures decisions over HTTP with an entry in the log that is
// durable before the answer, beside the same handler that records none, each in
// a process of its own.
func decisions(ctx context.Context, s *server, dir string, t *table) (err error) {
	c := &caller{ctx: ctx, server: s, client: &http.Client{
		Timeout:   30 * time.Second,
		Transport: &http.Transport{MaxConnsPerHost: decisionConnections, MaxIdleConnsPerHost: decisionConnections},
	}}
	if err := errors.Join(c.put("domains/decided", decidedDomain), c.put("domains/decided/products/tracks", decidedProduct)); err != nil {
		return err
	}
	folder := filepath.Join(dir, "unrecorded")
	if err := os.Mkdir(folder, 0o700); err != nil {
		return err
	}
	bare, err := startUnrecorded(ctx, folder, s.Token)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, bare.stop()) }()
	t.head("decisions over HTTP", "without the log /s", "ours /s", "ours/reference", "p99 ms, without", "p99 ms, ours")
	for _, n := range []int{1, 16, decisionConnections} {
		if err := c.compareDecisions(t, n, bare.endpoint); err != nil {
			return err
		}
	}
	return nil
}

func (c *caller) decide(endpoint string) error {
	answer, err := c.do(http.MethodPost, endpoint+"/access/v1/evaluation", question)
	if err == nil && !bytes.Equal(answer, []byte(`{"decision":true}`)) {
		err = fmt.Errorf("the decision is %s", answer)
	}
	return err
}

// compareDecisions measures both sides in turns and prints the medians.
func (c *caller) compareDecisions(t *table, n int, reference string) error {
	sides := [2]pace{}
	for range rounds {
		for i, endpoint := range []string{reference, c.server.Endpoint} {
			if err := sides[i].round(n, func() error { return c.decide(endpoint) }); err != nil {
				return err
			}
		}
	}
	floor, us := sides[0].median(), sides[1].median()
	t.print(fmt.Sprintf("%d connections", n), fmt.Sprintf("%.0f", floor), fmt.Sprintf("%.0f", us), fmt.Sprintf("%.2f", us/floor),
		fmt.Sprintf("%.2f", sides[0].p99()), fmt.Sprintf("%.2f", sides[1].p99()))
	return nil
}

// pace is how fast one side was in each of its turns, and how long each call
// took.
type pace struct {
	rates []float64
	took  []time.Duration
}

func (p *pace) round(n int, call func() error) error {
	start := time.Now()
	results := make(chan callers, n)
	for range n {
		go func() { results <- repeat(start, call) }()
	}
	before := len(p.took)
	var err error
	for range n {
		r := <-results
		p.took, err = append(p.took, r.took...), errors.Join(err, r.err)
	}
	p.rates = append(p.rates, float64(len(p.took)-before)/time.Since(start).Seconds())
	return err
}

// callers is what one of them has done.
type callers struct {
	took []time.Duration
	err  error
}

func repeat(start time.Time, call func() error) (c callers) {
	for time.Since(start) < round && c.err == nil {
		began := time.Now()
		c.err = call()
		c.took = append(c.took, time.Since(began))
	}
	return c
}

func (p *pace) median() float64 {
	slices.Sort(p.rates)
	return p.rates[len(p.rates)/2]
}

// p99 is in milliseconds.
func (p *pace) p99() float64 {
	slices.Sort(p.took)
	return p.took[len(p.took)*99/100].Seconds() * 1000
}

// startUnrecorded starts this program again as a server that records nothing.
// The token goes through a pipe, not on the command line, where others see it.
func startUnrecorded(ctx context.Context, dir, token string) (*reference, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	r := &reference{cmd: exec.CommandContext(ctx, self, "-unrecorded", dir)} //nolint:gosec // ourselves
	r.cmd.Stderr = os.Stderr
	stdout, err := r.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	stdin, err := r.cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	r.stdin = stdin
	if err := r.cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting the server that records nothing: %w", err)
	}
	if _, err := fmt.Fprintln(stdin, token); err != nil {
		return nil, errors.Join(err, r.stop())
	}
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		return nil, errors.Join(fmt.Errorf("the server did not say where it serves: %w", err), r.stop())
	}
	r.endpoint = strings.TrimSpace(line)
	return r, nil
}

// serveUnrecorded is the process. Like the platform, it writes a line for each
// request to a file.
func serveUnrecorded(ctx context.Context, dir string) error {
	in := bufio.NewReader(os.Stdin)
	token, err := in.ReadString('\n')
	if err != nil {
		return err
	}
	lines, err := os.Create(filepath.Join(dir, "log")) //nolint:gosec // the folder that our parent names
	if err != nil {
		return err
	}
	defer func() { _ = lines.Close() }() // a scratch file
	handler, err := decisionbench.Open(ctx, dir, strings.TrimSpace(token), slog.New(slog.NewTextHandler(lines, nil)), decided...)
	if err != nil {
		return err
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return errors.Join(err, handler.Close())
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: time.Minute}
	go func() { _ = server.Serve(listener) }() // ends with Close below
	fmt.Println("http://" + listener.Addr().String())
	_, err = io.Copy(io.Discard, in)
	return errors.Join(err, server.Close(), handler.Close())
}
