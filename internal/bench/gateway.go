package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"time"
)

// objectSize is that of the object that is read, in bytes.
const objectSize = 1 << 30

// serveObject is the web server behind gateway and proxy. It makes the object up
// while it is read, so that no disk is measured.
func serveObject(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Length", strconv.Itoa(objectSize))
	w.Header().Set("Content-Type", "application/octet-stream")
	block := bytes.Repeat([]byte("datamesh"), 32<<10)
	for range objectSize / len(block) {
		if _, err := w.Write(block); err != nil {
			return // the reader has gone, which it reports
		}
	}
}

// serveProxy is the reference: Go's own reverse proxy, which decides and records
// nothing.
func serveProxy(ctx context.Context, address string) error {
	target, err := url.Parse(address)
	if err != nil {
		return err
	}
	return serveSelf(ctx, &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) }})
}

// gateway measures the reading of one large object through the gateway, beside a
// plain proxy in front of the same web server, in turns, each in a process of
// its own.
func gateway(ctx context.Context, s *server, source *reference, t *table) (err error) {
	proxy, err := startSelf(ctx, "-proxy", source.endpoint)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, proxy.stop()) }()
	c := &caller{ctx: ctx, server: s, client: &http.Client{}}
	if err := c.put("domains/bench/schemas/blob", `{"type":"JSON","definition":"{\"type\":\"object\",\"properties\":{\"id\":{\"type\":\"string\",\"description\":\"Id.\"}}}"}`); err != nil {
		return err
	}
	if err := c.put("domains/bench/products/blob", fmt.Sprintf(`{"title":"Blob","description":"A large object.","version":"1.0.0","status":"active","sla":"bench/hourly",
		"marking":"SECRET//REL TO USA, FVEY","output_ports":{"blob":{"type":"http","url":"%s/blob","schema":"bench/blob"}}}`, source.endpoint)); err != nil {
		return err
	}
	var floor, us []float64
	before := peak(s.cmd.Process.Pid)
	for range rounds {
		f, err := c.throughput(proxy.endpoint + "/blob")
		if err != nil {
			return err
		}
		u, err := c.throughput(s.Endpoint + "/data/bench/blob/blob")
		if err != nil {
			return err
		}
		floor, us = append(floor, f), append(us, u)
	}
	slices.Sort(floor)
	slices.Sort(us)
	f, u := floor[rounds/2], us[rounds/2]
	t.head("gateway", "reference, MiB/s", "ours, MiB/s", "ours/reference", "memory before, MiB", "peak after, MiB", "reference")
	t.print("read an object of 1 GiB", fmt.Sprintf("%.0f", f), fmt.Sprintf("%.0f", u), fmt.Sprintf("%.2f", u/f), before, peak(s.cmd.Process.Pid), "httputil.ReverseProxy")
	return nil
}

// throughput reads the object once, in MiB per second.
func (c *caller) throughput(address string) (float64, error) {
	req, err := http.NewRequestWithContext(c.ctx, http.MethodGet, address, nil)
	if err != nil {
		return 0, err
	}
	req.Header.Set("Authorization", "Bearer "+c.server.Token)
	start := time.Now()
	resp, err := c.client.Do(req)
	if err != nil {
		return 0, err
	}
	defer func() { _ = resp.Body.Close() }() // read to its end below
	n, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, resp.Body, make([]byte, 256<<10))
	if err == nil && (n != objectSize || resp.StatusCode != http.StatusOK) {
		err = fmt.Errorf("%s: %s with %d bytes", address, resp.Status, n)
	}
	return float64(n) / (1 << 20) / time.Since(start).Seconds(), err
}

var highWater = regexp.MustCompile(`VmHWM:\s+([0-9]+) kB`)

// peak is the most memory that a process has had, in MiB, where the system tells.
func peak(pid int) string {
	status, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "status"))
	found := highWater.FindSubmatch(status)
	if err != nil || found == nil {
		return "unknown"
	}
	kib, _ := strconv.Atoi(string(found[1])) // digits, and few of them
	return strconv.Itoa(kib >> 10)
}
