package extauthz

import (
	"context"
	"crypto/rand"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"regexp"
	"runtime/debug"
	"strings"
	"time"

	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
)

// Options say what is served. All functions are needed.
type Options struct {
	// Decisions answers the questions of a caller.
	Decisions func(catalog.Caller) catalog.Decisions
	// Trusted reports whether the caller is an enforcement point.
	Trusted func(catalog.Caller) bool
	// Bearer says who bears the token of a request whose connection had this
	// certificate, nil for none.
	Bearer func(token string, peer *x509.Certificate) (catalog.Caller, error)
	// Authenticate tells which Envoy calls, from its token or certificate.
	Authenticate func(*http.Request) (catalog.Caller, error)
	// Log receives a line for each request; nil discards them.
	Log *slog.Logger
	// Timeout bounds one check, 0 for [DefaultTimeout].
	Timeout time.Duration
	// MaxConcurrent bounds the checks at once, beyond which they are denied; 0
	// for 256.
	MaxConcurrent int
}

const (
	// DefaultTimeout is how long one check may take. Envoy waits 200 ms unless
	// it is told otherwise, and counts what takes longer as a failure.
	DefaultTimeout = 5 * time.Second
	// MaxMessage is the longest request, in bytes: many times the headers that
	// Envoy accepts from a client.
	MaxMessage = 1 << 20

	defaultMaxConcurrent = 256
)

// New serves the API over HTTP/2. Mount it for what [Serves] says.
func New(o Options) http.Handler {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Timeout == 0 {
		o.Timeout = DefaultTimeout
	}
	if o.MaxConcurrent == 0 {
		o.MaxConcurrent = defaultMaxConcurrent
	}
	s := &server{Options: o, slots: make(chan struct{}, o.MaxConcurrent), grpc: grpc.NewServer(grpc.MaxRecvMsgSize(MaxMessage))}
	authv3.RegisterAuthorizationServer(s.grpc, service{s: s})
	return s
}

// prefix is what every path starts with: the name of the gRPC service.
var prefix = "/" + authv3.Authorization_ServiceDesc.ServiceName + "/"

// Serves reports whether the request is for this API.
func Serves(r *http.Request) bool { return strings.HasPrefix(r.URL.Path, prefix) }

// Routes lists the API as method and path, as gRPC writes them in HTTP/2.
func Routes() (list []string) {
	for _, method := range authv3.Authorization_ServiceDesc.Methods {
		list = append(list, http.MethodPost+" "+prefix+method.MethodName)
	}
	return list
}

type server struct {
	Options
	slots chan struct{} // one for each check that is being made
	grpc  *grpc.Server
}

// ServeHTTP lets gRPC read the request of an enforcement point, with its sender
// beside it. Nobody else's is read: gRPC waits for a whole message, and holds it,
// before Check is called.
func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	sender, start := envoy{id: rand.Text()}, time.Now()
	var err error
	if sender.caller, err = s.sender(r); err != nil {
		turnAway(w)
		s.record(r.Context(), sender, forbidden(), catalog.Caller{}, err, start)
		return
	}
	s.grpc.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), envoyKey{}, sender)))
}

// sender is the enforcement point that sent a request.
func (s *server) sender(r *http.Request) (caller catalog.Caller, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			s.Log.ErrorContext(r.Context(), "panic", "cause", fmt.Sprint(cause), "stack", string(debug.Stack()))
			err = errPanic
		}
	}()
	caller, err = s.Authenticate(r)
	if err == nil && !s.Trusted(caller) {
		err = errUntrusted
	}
	return caller, err
}

// turnAway denies as Check does: one message in gRPC's framing, and a status by
// which the call has not failed.
func turnAway(w http.ResponseWriter) {
	message, err := proto.Marshal(forbidden())
	if err != nil { // a status and nothing else: cannot fail
		return
	}
	w.Header().Set("Content-Type", "application/grpc")
	w.Header().Set("Trailer", "Grpc-Status")
	_, _ = w.Write(append(binary.BigEndian.AppendUint32([]byte{0}, uint32(len(message))), message...)) //nolint:gosec // a few bytes; fails when nobody is left to tell
	w.Header().Set("Grpc-Status", "0")
}

type envoyKey struct{}

// envoy is the enforcement point that sent a request.
type envoy struct {
	id     string // of the request, when the Envoy has none that is fit to be logged
	caller catalog.Caller
}

// service is the server as gRPC sees it.
type service struct {
	authv3.UnimplementedAuthorizationServer
	s *server
}

// Check implements the service. It returns no error, ever.
func (c service) Check(ctx context.Context, r *authv3.CheckRequest) (answer *authv3.CheckResponse, _ error) {
	start := time.Now()
	sender, _ := ctx.Value(envoyKey{}).(envoy) // always there, see ServeHTTP
	if id := r.GetAttributes().GetRequest().GetHttp().GetId(); idGrammar.MatchString(id) {
		sender.id = id
	}
	sender.caller.RequestID = sender.id
	var user catalog.Caller
	var err error
	defer func() {
		if cause := recover(); cause != nil {
			c.s.Log.ErrorContext(ctx, "panic", "request_id", sender.id, "cause", fmt.Sprint(cause), "stack", string(debug.Stack()))
			answer, err = forbidden(), errPanic
		}
		c.s.record(ctx, sender, answer, user, err, start)
	}()
	answer, user, err = c.s.enter(ctx, sender, r)
	return answer, nil
}

// record writes the log line of a request: its user, and the service that acts
// for the user in front of the Envoy.
func (s *server) record(ctx context.Context, sender envoy, answer *authv3.CheckResponse, user catalog.Caller, err error, start time.Time) {
	via := ""
	if user.Via != nil {
		via = user.Via.Subject
	}
	s.Log.LogAttrs(ctx, slog.LevelInfo, "request", slog.String("request_id", sender.id), slog.String("method", "Check"),
		slog.Int("status", statusOf(answer)), slog.Duration("duration", time.Since(start)),
		slog.String("enforcement_point", sender.caller.Subject), slog.String("subject", user.Subject), slog.String("via", via), slog.Any("error", err))
}

// idGrammar is what an id may be: nothing that could break a log line.
var idGrammar = regexp.MustCompile(`^[A-Za-z0-9._-]{1,128}$`)

// Why a request was denied before it was decided on. These go to the log only.
var (
	errPanic     = errors.New("panic")
	errBusy      = errors.New("as many checks as can be are being made")
	errUntrusted = errors.New("the sender is no enforcement point")
)

// enter checks when a slot is free, within the time limit.
func (s *server) enter(ctx context.Context, sender envoy, r *authv3.CheckRequest) (*authv3.CheckResponse, catalog.Caller, error) {
	select {
	case s.slots <- struct{}{}:
		defer func() { <-s.slots }()
	default:
		return forbidden(), catalog.Caller{}, errBusy
	}
	ctx, cancel := context.WithTimeout(ctx, s.Timeout)
	defer cancel()
	return s.check(ctx, sender.caller, r)
}
