// Package auditapi serves the audit log over HTTP in the form of C2SP
// tlog-tiles, below [Prefix]:
//
//	GET /audit/checkpoint                     the last signed checkpoint
//	GET /audit/key                            the public key that it is signed with
//	GET /audit/tile/{level}/{n}[.p/{width}]   hashes
//	GET /audit/tile/entries/{n}[.p/{width}]   entries, as a bundle
//
// A request passes the gates of package door. Every authenticated caller reads
// checkpoints and hashes, so that anybody can keep them and later hold the log
// to them. Entries are for administrators only: the log inherits the highest
// marking that it mentions, and a bundle of tlog-tiles has no holes in which an
// entry could be left out. Who reads entries is written to the log.
//
// A checkpoint is at most a second older than the log. Parts that are newer than
// the checkpoint may be read; nothing says yet that they stay.
package auditapi

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/meshwright/terraform-provider-datamesh/internal/audit"
	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/door"
	"github.com/meshwright/terraform-provider-datamesh/internal/wire"
)

// Prefix is what every path starts with: the root of the log for clients of
// tlog-tiles.
const Prefix = "/audit/"

// Options say what is served. All but Log and the limits are needed.
type Options struct {
	// Logs is the log as a caller sees it. Its errors are those of package
	// catalog.
	Logs func(catalog.Caller) audit.Source
	// Checkpoint is the last signed checkpoint.
	Checkpoint func() []byte
	// Key is the public key in the text form of signed notes.
	Key string
	// Authenticate tells who calls, as in [door.Options].
	Authenticate func(*http.Request) (catalog.Caller, error)
	// Log receives a line for each request; nil discards them.
	Log *slog.Logger
	// Timeout and MaxConcurrent bound requests as in [door.Options].
	Timeout       time.Duration
	MaxConcurrent int
}

const (
	textType  = "text/plain; charset=utf-8"
	bytesType = "application/octet-stream"
)

type server struct{ Options }

// New serves the log below [Prefix].
func New(o Options) http.Handler {
	s := &server{o}
	d := door.New(door.Options{
		Authenticate: o.Authenticate, Refusal: refusal, Log: o.Log, Timeout: o.Timeout, MaxConcurrent: o.MaxConcurrent,
	})
	return d.Guard(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { d.Enter(w, r, s.serve) }))
}

// Routes lists the API as method and path pattern. A tile's number has parts.
func Routes() []string {
	return []string{"GET " + Prefix + "checkpoint", "GET " + Prefix + "key", "GET " + Prefix + "tile/{level}/{n}"}
}

// Serves reports whether a request is for this API.
func Serves(r *http.Request) bool { return strings.HasPrefix(r.URL.EscapedPath(), Prefix) }

func (s *server) serve(r *http.Request, caller catalog.Caller) (door.Answer, error) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		refusal := wire.Refuse(http.StatusMethodNotAllowed, "The audit log takes GET, HEAD only.")
		refusal.Allow = []string{http.MethodGet, http.MethodHead}
		return door.Answer{}, refusal
	}
	switch path := strings.TrimPrefix(r.URL.EscapedPath(), Prefix); path {
	case "checkpoint":
		return answer(textType, s.Checkpoint()), nil
	case "key":
		return answer(textType, []byte(s.Key+"\n")), nil
	default:
		raw, err := part(r.Context(), s.Logs(caller), path)
		return answer(bytesType, raw), err
	}
}

// part reads a tile. The path is taken as it was sent: each tile has one.
func part(ctx context.Context, log audit.Source, path string) ([]byte, error) {
	tile, err := audit.ParseTile(path)
	if err != nil {
		return nil, &catalog.Error{Code: catalog.CodeNotFound, Message: "The audit log has no such part: ask for checkpoint, key, or a tile by C2SP tlog-tiles."}
	}
	if tile.Level == audit.EntryLevel {
		return log.Bundle(ctx, tile)
	}
	return log.Hashes(ctx, tile)
}

func answer(media string, body []byte) door.Answer {
	return door.Answer{Status: http.StatusOK, Header: http.Header{"Content-Type": {media}}, Body: body}
}

// refusal is the problem document of an error.
func refusal(r *http.Request, err error) door.Answer {
	problem := wire.ProblemOf(err, door.Path(r), door.RequestID(r.Context()))
	return door.Answer{Status: problem.Status, Header: http.Header{"Content-Type": {wire.ProblemType}}, Body: wire.EncodeProblem(problem)}
}
