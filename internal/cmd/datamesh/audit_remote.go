package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/meshwright/terraform-provider-datamesh/internal/audit"
	"github.com/meshwright/terraform-provider-datamesh/internal/client"
)

// partTimeout bounds the reading of one part of a log.
const partTimeout = 2 * time.Minute

// remoteLog is an audit log over HTTP.
type remoteLog struct {
	endpoint string
	options  client.Options
	http     *http.Client
}

func (l *remoteLog) add(flags *pflag.FlagSet) {
	flags.StringVar(&l.endpoint, "endpoint", "", "`URL` of the platform")
	flags.StringVar(&l.options.TokenFile, "token-file", "", "`file` that holds the token (default: DATAMESH_TOKEN)")
	flags.StringVar(&l.options.CAFile, "ca-file", "", "`file` with the certificate authorities to trust, in PEM")
}

// open looks the options through and connects to nothing yet.
func (l *remoteLog) open() (signedLog, error) {
	u, err := url.Parse(l.endpoint)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, errors.New("--endpoint is not valid: write it as https://host[:port]") // it may hold a password, so it is not repeated
	}
	if l.options.TokenFile == "" {
		l.options.Token = os.Getenv("DATAMESH_TOKEN")
	}
	l.options.UserAgent = "datamesh/" + version
	if l.http, err = client.NewHTTPClient(l.options); err != nil {
		return nil, err
	}
	return l, nil
}

// Close drops the connections.
func (l *remoteLog) Close() error {
	l.http.CloseIdleConnections()
	return nil
}

// Checkpoint is the last signed checkpoint.
func (l *remoteLog) Checkpoint(ctx context.Context) ([]byte, error) {
	return l.get(ctx, "checkpoint", audit.MaxCheckpoint)
}

// Key is the public key that the server gives.
func (l *remoteLog) Key(ctx context.Context) (string, error) {
	text, err := l.get(ctx, "key", audit.MaxCheckpoint)
	return string(text), err
}

// Bundle implements [audit.Source].
func (l *remoteLog) Bundle(ctx context.Context, t audit.Tile) ([]byte, error) {
	return l.part(ctx, t, audit.MaxBundle)
}

// Hashes implements [audit.Source].
func (l *remoteLog) Hashes(ctx context.Context, t audit.Tile) ([]byte, error) {
	return l.part(ctx, t, audit.TileWidth*len(audit.Hash{}))
}

// part reads what a signed log must have.
func (l *remoteLog) part(ctx context.Context, t audit.Tile, limit int) ([]byte, error) {
	raw, err := l.get(ctx, t.Path(), limit)
	if status := statusError(0); errors.As(err, &status) && int(status) == http.StatusNotFound {
		return nil, fmt.Errorf("%w: the server does not have %s, which it has signed", audit.ErrTampered, t.Path())
	}
	return raw, err
}

// statusError is an answer other than 200.
type statusError int

// Error says what to do about it.
func (s statusError) Error() string {
	text := fmt.Sprintf("the server answered %d %s", int(s), http.StatusText(int(s)))
	switch int(s) {
	case http.StatusUnauthorized:
		return text + ": set DATAMESH_TOKEN or --token-file to a token of this platform"
	case http.StatusForbidden:
		return text + ": only an administrator's token reads whole bundles of entries, an auditor's reads entries one by one"
	case http.StatusNotFound:
		return text + ": is --endpoint the address of the platform, and the token that of an administrator, an auditor or a monitor of the log?"
	}
	return text
}

func (l *remoteLog) get(ctx context.Context, path string, limit int) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, partTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(l.endpoint, "/")+"/audit/"+path, nil)
	if err != nil {
		return nil, err
	}
	response, err := l.http.Do(request)
	if err != nil {
		return nil, fmt.Errorf("read /audit/%s: %w", path, err)
	}
	defer func() { _ = response.Body.Close() }() // read to its end, or given up
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("read /audit/%s: %w", path, statusError(response.StatusCode))
	}
	raw, err := io.ReadAll(io.LimitReader(response.Body, int64(limit)+1))
	if err != nil {
		return nil, fmt.Errorf("read /audit/%s: %w", path, err)
	}
	if len(raw) > limit {
		return nil, fmt.Errorf("read /audit/%s: the answer is longer than %d bytes", path, limit)
	}
	return raw, nil
}
