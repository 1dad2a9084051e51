package bundlertest

import (
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/artifact"
)

// On is a fault of the requests whose path ends in one of the suffixes; the
// hostile handler may answer or hand on to next.
func On(suffix string, hostile func(next http.Handler) http.Handler) Fault {
	return func(next http.Handler) http.Handler {
		bad := hostile(next)
		return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			if strings.HasSuffix(req.URL.Path, suffix) {
				bad.ServeHTTP(w, req)
				return
			}
			next.ServeHTTP(w, req)
		})
	}
}

// Answer replaces the answer to requests of the path suffix.
func Answer(suffix, contentType string, content []byte) Fault {
	return On(suffix, func(http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", contentType)
			_, _ = w.Write(content) // the client may have gone
		})
	})
}

// Status answers requests of the path suffix with the status, times times, with
// Retry-After when it is not "".
func Status(suffix string, status, times int, retryAfter string) Fault {
	var n atomic.Int64
	return On(suffix, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			if n.Add(1) > int64(times) {
				next.ServeHTTP(w, req)
				return
			}
			if retryAfter != "" {
				w.Header().Set("Retry-After", retryAfter)
			}
			w.WriteHeader(status)
		})
	})
}

// Cut breaks the connection after that many bytes of each of the first answers
// to requests of the path suffix.
func Cut(suffix string, after int64, times int) Fault {
	var n atomic.Int64
	return On(suffix, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			if n.Add(1) > int64(times) {
				next.ServeHTTP(w, req)
				return
			}
			next.ServeHTTP(&filter{ResponseWriter: w, left: after}, req)
			panic(http.ErrAbortHandler)
		})
	})
}

// filter passes on the first bytes and then breaks the connection.
type filter struct {
	http.ResponseWriter
	left int64
}

func (f *filter) Write(p []byte) (int, error) {
	if int64(len(p)) > f.left {
		_, _ = f.ResponseWriter.Write(p[:f.left])                // what follows breaks the connection anyway
		_ = http.NewResponseController(f.ResponseWriter).Flush() // so that the first bytes do arrive
		panic(http.ErrAbortHandler)
	}
	f.left -= int64(len(p))
	return f.ResponseWriter.Write(p)
}

// Unwrap lets http.ResponseController reach the connection.
func (f *filter) Unwrap() http.ResponseWriter { return f.ResponseWriter }

// Corrupt flips the last bit of every piece that is written to requests of the
// path suffix: the length is right and the digest is not.
func Corrupt(suffix string) Fault {
	return On(suffix, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			next.ServeHTTP(&flipper{w}, req)
		})
	})
}

type flipper struct{ http.ResponseWriter }

func (f *flipper) Write(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	changed := append([]byte(nil), p...)
	changed[len(changed)-1] ^= 1
	return f.ResponseWriter.Write(changed)
}

// Slow pauses before each piece of at most size bytes of answers to requests of
// the path suffix.
func Slow(suffix string, size int, pause time.Duration) Fault {
	return On(suffix, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			next.ServeHTTP(&dripper{w, req, size, pause}, req)
		})
	})
}

type dripper struct {
	http.ResponseWriter
	req   *http.Request
	size  int
	pause time.Duration
}

func (d *dripper) Write(p []byte) (int, error) {
	written := 0
	for written < len(p) {
		select {
		case <-d.req.Context().Done():
			return written, d.req.Context().Err()
		case <-time.After(d.pause):
		}
		n, err := d.ResponseWriter.Write(p[written:min(len(p), written+d.size)])
		written += n
		if err != nil {
			return written, err
		}
		_ = http.NewResponseController(d.ResponseWriter).Flush() // so that the piece does arrive
	}
	return written, nil
}

// SecondAnswer answers the second and later GET requests of the path suffix
// with other content: a tag that moves between check and use.
func SecondAnswer(suffix, contentType string, content []byte) Fault {
	var n atomic.Int64
	return On(suffix, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			if req.Method != http.MethodGet || n.Add(1) == 1 {
				next.ServeHTTP(w, req)
				return
			}
			w.Header().Set("Content-Type", contentType)
			_, _ = w.Write(content) // the client may have gone
		})
	})
}

// Redirect sends requests of the path suffix to the URL.
func Redirect(suffix, to string) Fault {
	return On(suffix, func(http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			http.Redirect(w, req, to, http.StatusTemporaryRedirect)
		})
	})
}

// EndlessTags answers every page of tags with one more and a link to the next.
func EndlessTags() Fault {
	var n atomic.Int64
	return On("/tags/list", func(http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			page := n.Add(1)
			w.Header().Set("Link", fmt.Sprintf(`<%s?last=%d>; rel="next"`, req.URL.Path, page))
			fmt.Fprintf(w, `{"name":"x","tags":["1.0.%d"]}`, page)
		})
	})
}

// EndlessReferrers answers every page of referrers of a manifest with one more
// and a link to the next.
func EndlessReferrers(subject artifact.Digest) Fault {
	var n atomic.Int64
	return On("/referrers/"+string(subject), func(http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			page := n.Add(1)
			w.Header().Set("Link", fmt.Sprintf(`<%s?page=%d>; rel="next"`, req.URL.Path, page))
			w.Header().Set("Content-Type", artifact.MediaTypeOCIIndex)
			one := Bytes(fmt.Appendf(nil, "%d", page))
			fmt.Fprintf(w, `{"schemaVersion":2,"mediaType":%q,"manifests":[{"mediaType":%q,"digest":%q,"size":%d}]}`,
				artifact.MediaTypeOCIIndex, artifact.MediaTypeOCIManifest, one.Digest, one.Size)
		})
	})
}
