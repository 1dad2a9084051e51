package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
)

// The load on the schema registry: connections, the time for which each side is
// measured in turns, and how often; and how many schemas are looked up.
const (
	connections = 16
	round       = time.Second
	rounds      = 5
	lookups     = 100
)

// registry measures the schema registry under load, beside the least that could
// answer with the same bytes.
func registry(ctx context.Context, s *server, dir string, t *table) (err error) {
	l := &load{ctx: ctx, server: s, client: &http.Client{
		Timeout:   30 * time.Second,
		Transport: &http.Transport{MaxConnsPerHost: connections, MaxIdleConnsPerHost: connections},
	}}
	get, post, err := l.prepare()
	if err != nil {
		return err
	}
	dir = filepath.Join(dir, "reference")
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	bare, err := startReference(ctx, dir, get, post)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, bare.stop()) }()
	t.head(fmt.Sprintf("schema registry, %d connections", connections), "reference, requests/s", "ours, requests/s", "ours/reference", "reference")
	if err := l.compare(t, "look up a schema by id", "bare net/http handler", bare.endpoint, l.get); err != nil {
		return err
	}
	return l.compare(t, "register a schema, durably", "handler that appends to a file and syncs it", bare.endpoint, l.post)
}

// load is many clients with the administrator's token.
type load struct {
	ctx    context.Context // of the one run of the benchmark
	server *server
	client *http.Client
	ids    []int
	n      atomic.Int64 // counts calls, so that no two are the same
}

// prepare registers what is looked up, and returns what the platform answers.
func (l *load) prepare() (get, post []byte, err error) {
	for range lookups {
		if post, err = l.post(l.server.Endpoint); err != nil {
			return nil, nil, err
		}
		var registered struct{ ID int }
		if err := json.Unmarshal(post, &registered); err != nil {
			return nil, nil, err
		}
		l.ids = append(l.ids, registered.ID)
	}
	get, err = l.get(l.server.Endpoint)
	return get, post, err
}

// get looks up one schema after the other.
func (l *load) get(endpoint string) ([]byte, error) {
	id := l.ids[int(l.n.Add(1))%len(l.ids)]
	return l.do(http.MethodGet, fmt.Sprintf("%s/schema-registry/schemas/ids/%d", endpoint, id), nil)
}

// post registers a schema that nobody has registered before, under a subject of
// its own.
func (l *load) post(endpoint string) ([]byte, error) {
	n := l.n.Add(1)
	text := fmt.Sprintf(`{"type":"record","name":"Track%d","namespace":"bench","fields":[{"name":"id","type":"string"},{"name":"lat","type":"double"},`+
		`{"name":"lon","type":"double"},{"name":"at","type":{"type":"long","logicalType":"timestamp-millis"}}]}`, n)
	body, err := json.Marshal(map[string]string{"schema": text})
	if err != nil {
		return nil, err
	}
	return l.do(http.MethodPost, fmt.Sprintf("%s/schema-registry/subjects/bench-%d-value/versions", endpoint, n), body)
}

func (l *load) do(method, url string, body []byte) ([]byte, error) {
	const registry = "application/vnd.schemaregistry.v1+json"
	return do(l.ctx, l.client, method, url, body, "Authorization", "Bearer "+l.server.Token, "Content-Type", registry, "Accept", registry)
}

// compare measures both sides in turns, so that what else the machine does
// meets both, and prints the medians.
func (l *load) compare(t *table, name, what, reference string, call func(endpoint string) ([]byte, error)) error {
	var floor, us []float64
	for range rounds {
		f, err := rate(reference, call)
		if err != nil {
			return err
		}
		u, err := rate(l.server.Endpoint, call)
		if err != nil {
			return err
		}
		floor, us = append(floor, f), append(us, u)
	}
	slices.Sort(floor)
	slices.Sort(us)
	f, u := floor[rounds/2], us[rounds/2]
	t.print(name, fmt.Sprintf("%.0f", f), fmt.Sprintf("%.0f", u), fmt.Sprintf("%.2f", u/f), what)
	return nil
}

// rate is how many calls all connections make in a second.
func rate(endpoint string, call func(endpoint string) ([]byte, error)) (float64, error) {
	var calls atomic.Int64
	start := time.Now()
	var group errgroup.Group
	for range connections {
		group.Go(func() error {
			for time.Since(start) < round {
				if _, err := call(endpoint); err != nil {
					return err
				}
				calls.Add(1)
			}
			return nil
		})
	}
	err := group.Wait()
	return float64(calls.Load()) / time.Since(start).Seconds(), err
}
