package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// service measures one reader and one writer of the real server, over HTTP on
// loopback, each beside the least that could give the same promise: a handler
// that returns the same bytes, and a file that is appended to and synced.
func service(ctx context.Context, s *server, dir string, t *table) error {
	c := &caller{ctx: ctx, server: s, client: &http.Client{Timeout: 30 * time.Second}}
	if err := c.put("domains/bench", domainBody); err != nil {
		return err
	}
	if err := c.put("domains/bench/slas/hourly", slaBody(0)); err != nil {
		return err
	}
	t.head("one caller", "reference, µs", "ours, µs", "ratio", "reference")
	if err := c.read(t); err != nil {
		return err
	}
	return c.write(dir, t)
}

const domainBody = `{"display_name":"Benchmark","discipline":"OTHER","contact":"bench@enclave.example","team":{"a.stone":{"role":"owner"}}}`

// slaBody differs with n, so that each write is a change.
func slaBody(n int) string {
	return fmt.Sprintf(`{"description":"Version %d.","availability":{"target_percent":99.5,"window":"30d"}}`, n)
}

// caller is one client with the administrator's token.
type caller struct {
	ctx    context.Context // of the one run of the benchmark
	server *server
	client *http.Client
}

func (c *caller) do(method, url, body string) ([]byte, error) {
	return do(c.ctx, c.client, method, url, []byte(body), "Authorization", "Bearer "+c.server.Token, "Content-Type", "application/json")
}

// do makes one request with these headers, names and values in turn, and reads
// its answer to the end, at most 1 MiB. A status of 300 and above is an error.
func do(ctx context.Context, client *http.Client, method, url string, body []byte, header ...string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }() // read to its end below
	answer, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err == nil && resp.StatusCode >= 300 {
		err = fmt.Errorf("%s %s: %s: %s", method, url, resp.Status, answer)
	}
	return answer, err
}

func (c *caller) put(path, body string) error {
	_, err := c.do(http.MethodPut, c.server.Endpoint+"/api/v1/"+path, body)
	return err
}

// read compares GET of one object with a handler that returns the same bytes.
func (c *caller) read(t *table) error {
	url := c.server.Endpoint + "/api/v1/domains/bench/slas/hourly"
	answer, err := c.do(http.MethodGet, url, "")
	if err != nil {
		return err
	}
	listener, err := (&net.ListenConfig{}).Listen(c.ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	bare := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write(answer) // the benchmark's own client sees a short answer
	})}
	go func() { _ = bare.Serve(listener) }() // ends with Close below
	defer func() { _ = bare.Close() }()
	return compare(t, "GET one object", "bare net/http handler",
		func() error { _, err := c.do(http.MethodGet, "http://"+listener.Addr().String()+"/", ""); return err },
		func() error { _, err := c.do(http.MethodGet, url, ""); return err })
}

// write compares PUT with appending the same bytes to a file and syncing it.
func (c *caller) write(dir string, t *table) error {
	file, err := os.Create(filepath.Join(dir, "floor")) //nolint:gosec // our own temporary folder
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }() // a scratch file
	n := 0
	return compare(t, "PUT one object, durably", "append to a file and sync it",
		func() error {
			if _, err := file.WriteString(slaBody(n)); err != nil {
				return err
			}
			return file.Sync()
		},
		func() error {
			n++
			return c.put("domains/bench/slas/hourly", slaBody(n))
		})
}

func compare(t *table, name, what string, reference, ours func() error) error {
	floor, err := meanTime(reference)
	if err != nil {
		return err
	}
	us, err := meanTime(ours)
	if err != nil {
		return err
	}
	t.print(name, micros(floor), micros(us), ratio(us, floor), what)
	return nil
}

// meanTime is the mean time of one call.
func meanTime(f func() error) (time.Duration, error) {
	var failed error
	result := testing.Benchmark(func(b *testing.B) {
		for b.Loop() {
			if err := f(); err != nil {
				failed = err
				b.FailNow()
			}
		}
	})
	return time.Duration(result.NsPerOp()), failed
}

func micros(d time.Duration) string { return fmt.Sprintf("%.0f", float64(d.Nanoseconds())/1000) }
