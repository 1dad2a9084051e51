// Package auditapi serves the audit log over HTTP, below [Prefix], in the form of
// C2SP tlog-tiles and entry by entry:
//
//	GET /audit/checkpoint                     the published checkpoint
//	GET /audit/signed-checkpoint              the newest signed one
//	GET /audit/key                            the public key that both are signed with
//	GET /audit/tile/{level}/{n}[.p/{width}]   hashes
//	GET /audit/tile/entries/{n}[.p/{width}]   entries, as a bundle
//	GET /audit/entries?…                      entries that were asked for, as JSON
//	GET /audit/proof/{hash}                   that an entry is in the log (C2SP tlog-proof)
//
// # Who reads what
//
// A request passes the gates of package door. The size of a log tells how much
// happens, so checkpoints, key and hashes are for administrators, auditors and
// callers of group [catalog.MonitorGroup]; they can keep them, and later hold the
// log to them. Entries and proofs are for administrators and auditors, each
// auditor those that it is let in to; whole bundles for administrators only, as a
// bundle has no holes in which an entry could be left out. Everybody else gets,
// for each path, the answer for a path that does not exist. Who reads entries, or
// is refused them, is written to the log.
//
// # Which checkpoint
//
// Without witnesses, both are the newest signed one, at most a second older than
// the log. With witnesses, the published one is the newest that enough of them
// have cosigned, and 503 before there is any. Parts that are newer than a
// checkpoint may be read; nothing says yet that they stay.
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
	// Reading is the log entry by entry, as a caller may read it.
	Reading func(catalog.Caller) audit.Reader
	// Checkpoint is the published checkpoint, an error of package catalog when
	// there is none yet. Signed is the newest signed one.
	Checkpoint func() ([]byte, error)
	Signed     func() []byte
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
	list := []string{"checkpoint", "signed-checkpoint", "key", "tile/{level}/{n}", "entries", "proof/{hash}"}
	for i, path := range list {
		list[i] = http.MethodGet + " " + Prefix + path
	}
	return list
}

// Serves reports whether a request is for this API.
func Serves(r *http.Request) bool { return strings.HasPrefix(r.URL.EscapedPath(), Prefix) }

// serve answers who may know of the log. Others get the answer for a path that
// does not exist, whatever they asked, and if it was for entries, that they did
// is recorded first.
func (s *server) serve(r *http.Request, caller catalog.Caller) (door.Answer, error) {
	if caller.Monitors() {
		return s.known(r, caller)
	}
	if r.Method == http.MethodGet {
		_, _ = s.known(r, caller) // refused, and nothing of why is told
	}
	return door.Answer{}, &wire.Refusal{Status: http.StatusNotFound, Err: &catalog.Error{
		Code: catalog.CodeInvalid, Message: "No such path. The API is below " + wire.Prefix + ".",
	}}
}

func (s *server) known(r *http.Request, caller catalog.Caller) (door.Answer, error) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		refusal := wire.Refuse(http.StatusMethodNotAllowed, "The audit log takes GET, HEAD only.")
		refusal.Allow = []string{http.MethodGet, http.MethodHead}
		return door.Answer{}, refusal
	}
	path := strings.TrimPrefix(r.URL.EscapedPath(), Prefix)
	hash, isProof := strings.CutPrefix(path, "proof/")
	switch {
	case path == "checkpoint":
		signed, err := s.Checkpoint()
		return answer(textType, signed), err
	case path == "signed-checkpoint":
		return answer(textType, s.Signed()), nil
	case path == "key":
		return answer(textType, []byte(s.Key+"\n")), nil
	case path == "entries":
		return entries(r, s.Reading(caller))
	case isProof:
		return proof(r.Context(), s.Reading(caller), hash)
	}
	raw, err := part(r.Context(), s.Logs(caller), path)
	return answer(bytesType, raw), err
}

// part reads a tile. The path is taken as it was sent: each tile has one.
func part(ctx context.Context, log audit.Source, path string) ([]byte, error) {
	tile, err := audit.ParseTile(path)
	if err != nil {
		return nil, &catalog.Error{Code: catalog.CodeNotFound, Message: "The audit log has no such part: ask for checkpoint, signed-checkpoint, key, entries, a proof, or a tile by C2SP tlog-tiles."}
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
