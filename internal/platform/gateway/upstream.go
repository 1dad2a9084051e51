package gateway

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
)

// upstream is where data comes from. Only what may pass is in its answers.
type upstream interface {
	// open asks for one resource. The context bounds the reading of the
	// answer too. Beside others, the error is errAbsent or a *rangeError.
	open(context.Context, resource) (*answer, error)
}

// resource is what an upstream is asked for, and how.
type resource struct {
	port   *url.URL // of the output port
	below  []string // segments below it, decoded
	folder bool     // the path ends with a slash
	head   bool     // without the body
	asked  http.Header
	// coding is a Content-Encoding that means nothing, "" for none.
	coding string
}

// answer is what an upstream has.
type answer struct {
	status int         // 200, 206 or 304
	header http.Header // no more than passing lists
	size   int64       // of the body, -1 when that is not known
	body   io.ReadCloser
}

// asking lists the headers of a request that reach an upstream.
var asking = []string{"Accept", "Range", "If-Range", "If-None-Match", "If-Modified-Since"}

// passing lists the headers of an upstream that reach a caller. Content-Length
// follows from answer.size.
var passing = []string{"Content-Type", "Content-Range", "Etag", "Last-Modified", "Accept-Ranges"}

// errAbsent says that the upstream has no such resource.
var errAbsent = errors.New("the source has no such resource")

// errChanged says that the resource is not the one that the question names.
var errChanged = errors.New("the resource has changed")

// rangeError says that the range which was asked for is not there.
type rangeError struct{ contentRange string }

func (e *rangeError) Error() string { return "the range cannot be satisfied" }

// oneRange is the only form of Range that is passed on. A server may ignore any
// Range, and many ranges at once serve nobody but who wants to load a server.
var oneRange = regexp.MustCompile(`^bytes=([0-9]{1,18}-[0-9]{0,18}|-[0-9]{1,18})$`)

// conditions are the headers that an upstream gets. One that is repeated counts
// as none: who stands in between may have read the other one. Only GET has parts
// (RFC 9110 section 14.2).
func conditions(r *http.Request) http.Header {
	asked := http.Header{}
	for _, name := range asking {
		if value := once(r.Header, name); value != "" {
			asked.Set(name, value)
		}
	}
	if r.Method != http.MethodGet || !oneRange.MatchString(asked.Get("Range")) {
		asked.Del("Range")
		asked.Del("If-Range")
	}
	return asked
}

// contentRange is that of an answer with a part (RFC 9110 section 14.4).
var contentRange = regexp.MustCompile(`^bytes ([0-9]{1,18})-([0-9]{1,18})/([0-9]{1,18}|\*)$`)

// checkRange compares what a part says of itself with its length and with what
// was asked for, which is of the form oneRange.
func checkRange(asked, text string, size int64) error {
	found := contentRange.FindStringSubmatch(text)
	if found == nil {
		return fmt.Errorf("a part with Content-Range %.60q", text)
	}
	first, last := number(found[1]), number(found[2])
	if last < first || size >= 0 && size != last-first+1 {
		return fmt.Errorf("a part of %d bytes with Content-Range %.60q", size, text)
	}
	from, to, _ := strings.Cut(strings.TrimPrefix(asked, "bytes="), "-")
	switch {
	case from == "" && found[3] != "*" && last+1 == number(found[3]) && last-first < number(to):
	case from != "" && first == number(from) && (to == "" || last <= number(to)):
	default:
		return fmt.Errorf("Content-Range %.60q to a request for %s", text, asked)
	}
	return nil
}

// number reads at most 18 digits, which always fit.
func number(digits string) int64 {
	n, _ := strconv.ParseInt(digits, 10, 64)
	return n
}
