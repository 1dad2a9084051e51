package gateway

import (
	"errors"
	"net/http"
	"regexp"
	"slices"
	"strings"
)

// errUnmet says that the data is not what a condition of the caller wants.
var errUnmet = errors.New("a condition of the request is not met")

// judged judges the conditions of a request by the answer that it would get, in
// the order of RFC 9110 section 13.2.2: sources differ in what they make of
// them, and are not asked with those that end in 412. The result is the answer,
// or that nothing has changed, or errUnmet.
func judged(asked http.Header, a *answer) (*answer, error) {
	named(asked, a)
	if unmet(asked, a.header) {
		return nil, errUnmet
	}
	if a.status == http.StatusNotModified || !unchanged(asked, a.header) {
		return a, nil
	}
	h := a.header.Clone()
	h.Del("Content-Range")
	return &answer{status: http.StatusNotModified, header: h, body: a.body}, nil
}

// named gives an answer without a body the tag that belongs to it (RFC 9110
// section 15.4.5), where the source left it out: it is the one that was asked
// for.
func named(asked http.Header, a *answer) {
	if only := asked.Get("If-None-Match"); a.status == http.StatusNotModified && a.header.Get("Etag") == "" && entityTag.MatchString(only) {
		a.header.Set("Etag", only)
	}
}

// unmet reports whether a condition fails that ends in 412. Without it, who
// fetches parts of one version by their tag would put them together of two. A
// weak tag is none here: what it stands for may have other bytes.
func unmet(asked, has http.Header) bool {
	tag := has.Get("Etag")
	if list := asked.Values("If-Match"); len(list) > 0 {
		return !anything(list) && (strings.HasPrefix(tag, "W/") || !listed(list, tag))
	}
	return later(has.Get("Last-Modified"), once(asked, "If-Unmodified-Since"))
}

// unchanged reports whether the caller has what it would be sent.
func unchanged(asked, has http.Header) bool {
	if list := asked.Values("If-None-Match"); len(list) > 0 {
		strong := strings.TrimPrefix(has.Get("Etag"), "W/")
		return anything(list) || listed(list, strong) || listed(list, "W/"+strong)
	}
	modified, since := has.Get("Last-Modified"), once(asked, "If-Modified-Since")
	return later(since, modified) || modified != "" && modified == since
}

// tags finds the entity tags in a list; they may hold commas of their own.
var tags = regexp.MustCompile(`(W/)?"[\x21\x23-\x7e]*"`)

// listed reports whether a tag stands in a list, which may be sent in pieces.
func listed(list []string, tag string) bool {
	return slices.Contains(tags.FindAllString(strings.Join(list, ","), -1), tag)
}

func anything(list []string) bool { return len(list) == 1 && strings.TrimSpace(list[0]) == "*" }

// once is a header that was sent once, else "".
func once(h http.Header, name string) string {
	if len(h.Values(name)) != 1 {
		return ""
	}
	return h.Get(name)
}

// later reports whether one date is behind another; what is no date is behind
// none.
func later(date, limit string) bool {
	a, errA := http.ParseTime(date)
	b, errB := http.ParseTime(limit)
	return errA == nil && errB == nil && a.After(b)
}
