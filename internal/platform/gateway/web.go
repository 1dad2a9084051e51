package gateway

import (
	"context"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// web is an upstream that speaks HTTP.
type web struct {
	base segmented
	http http.RoundTripper
}

// segmented is a URL whose path has been taken apart.
type segmented struct {
	scheme, host string
	path         []string
	folder       bool
	query        string
}

// takeApart fails for a URL with a user, or with a path that is not plain.
func takeApart(u *url.URL) (segmented, error) {
	names, folder, ok := segments(strings.TrimPrefix(u.EscapedPath(), "/"))
	if !ok || u.User != nil || u.Opaque != "" {
		return segmented{}, errors.New("its URL has a user, or a path with empty, dotted or doubly escaped parts")
	}
	return segmented{scheme: u.Scheme, host: withPort(u), path: names, folder: folder, query: u.RawQuery}, nil
}

// withPort is the host in one form, so that two can be compared.
func withPort(u *url.URL) string {
	host := strings.ToLower(u.Host)
	if u.Port() == "" {
		host = strings.TrimSuffix(host, ":") + map[string]string{"http": ":80", "https": ":443"}[u.Scheme]
	}
	return host
}

// holds reports whether the other is at or below this one.
func (s segmented) holds(other segmented) bool {
	return s.scheme == other.scheme && s.host == other.host &&
		len(other.path) >= len(s.path) && slices.Equal(other.path[:len(s.path)], s.path)
}

func (w *web) open(ctx context.Context, wanted resource) (*answer, error) {
	port, err := takeApart(wanted.port)
	if err != nil {
		return nil, err
	}
	if !w.base.holds(port) {
		return nil, errNoUpstream
	}
	u := url.URL{Scheme: port.scheme, Host: wanted.port.Host, RawQuery: port.query}
	path, folder := slices.Concat(port.path, wanted.below), wanted.folder
	if len(wanted.below) == 0 {
		folder = port.folder
	}
	if u.RawPath = escapedPath(path, folder); u.RawPath != "" {
		if u.Path, err = url.PathUnescape(u.RawPath); err != nil {
			return nil, err
		}
	}
	return fetch(ctx, w.http, &u, wanted)
}

// fetch asks a server. It follows no redirect, keeps no cookie and sends
// nothing of the caller but the conditions.
func fetch(ctx context.Context, server http.RoundTripper, u *url.URL, wanted resource) (*answer, error) {
	method := http.MethodGet
	if wanted.head {
		method = http.MethodHead
	}
	req, err := http.NewRequestWithContext(ctx, method, u.String(), nil)
	if err != nil {
		return nil, err
	}
	req.Header = wanted.headers()
	return exchange(server, req, wanted)
}

// headers are all that a request has of its own.
func (r resource) headers() http.Header {
	h := r.asked.Clone()
	h.Set("Accept-Encoding", "identity")
	h.Set("User-Agent", "datamesh")
	return h
}

// exchange makes the one request and takes what may pass of its answer.
func exchange(server http.RoundTripper, req *http.Request, wanted resource) (*answer, error) {
	resp, err := server.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	a, err := taken(resp, wanted)
	if err != nil {
		return nil, errors.Join(err, resp.Body.Close())
	}
	return a, nil
}

// taken is what may pass of an answer, or why none of it does: an answer to a
// question that was not asked is a mistake or an attack.
func taken(resp *http.Response, wanted resource) (*answer, error) {
	part := wanted.asked.Get("Range") != ""
	conditional := wanted.asked.Get("If-None-Match") != "" || wanted.asked.Get("If-Modified-Since") != ""
	switch {
	case resp.StatusCode == http.StatusNotFound, resp.StatusCode == http.StatusGone:
		return nil, errAbsent
	case resp.StatusCode == http.StatusPreconditionFailed && wanted.asked.Get("If-Match") != "":
		return nil, errChanged
	case resp.StatusCode == http.StatusRequestedRangeNotSatisfiable && part:
		return nil, &rangeError{unsatisfied(resp.Header.Get("Content-Range"))}
	case resp.StatusCode == http.StatusNotModified && conditional, resp.StatusCode == http.StatusOK:
	case resp.StatusCode == http.StatusPartialContent && part:
		if err := checkRange(wanted.asked.Get("Range"), resp.Header.Get("Content-Range"), resp.ContentLength); err != nil {
			return nil, fmt.Errorf("the source answered with %w", err)
		}
	default:
		return nil, fmt.Errorf("the source answered with status %d", resp.StatusCode)
	}
	if coding := strings.Join(resp.Header.Values("Content-Encoding"), ","); coding != "" && coding != wanted.coding && !strings.EqualFold(coding, "identity") {
		return nil, fmt.Errorf("the source answered with Content-Encoding %.40q, which was not asked for", coding)
	}
	return &answer{status: resp.StatusCode, header: passable(resp), size: resp.ContentLength, body: resp.Body}, nil
}

// entityTag is the grammar of one (RFC 9110 section 8.8.3).
var entityTag = regexp.MustCompile(`^(W/)?"[\x21\x23-\x7e]{0,200}"$`)

// passable are the headers that pass, each only in its own grammar.
func passable(resp *http.Response) http.Header {
	h := http.Header{}
	for _, name := range passing {
		value := resp.Header.Get(name)
		if values := resp.Header.Values(name); len(values) == 1 && wellFormed(name, value) {
			h.Set(name, value)
		}
	}
	if resp.StatusCode != http.StatusPartialContent {
		h.Del("Content-Range")
	}
	return h
}

func wellFormed(name, value string) bool {
	switch name {
	case "Content-Type":
		_, _, err := mime.ParseMediaType(value)
		return err == nil && len(value) <= maxSegment
	case "Etag":
		return entityTag.MatchString(value)
	case "Last-Modified":
		_, err := http.ParseTime(value)
		return err == nil
	case "Accept-Ranges":
		return value == "bytes" || value == "none"
	}
	return contentRange.MatchString(value)
}

// sizeOnly is the Content-Range of an answer without a part.
var sizeOnly = regexp.MustCompile(`^bytes \*/[0-9]{1,18}$`)

func unsatisfied(text string) string {
	if sizeOnly.MatchString(text) {
		return text
	}
	return ""
}
