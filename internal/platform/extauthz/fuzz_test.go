package extauthz

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"google.golang.org/protobuf/proto"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
)

// scripted is a platform that a test writes.
type scripted struct {
	catalog.Decisions
	evaluate func(context.Context, catalog.Evaluation) (catalog.Decision, error)
}

func (s scripted) Evaluate(ctx context.Context, e catalog.Evaluation) (catalog.Decision, error) {
	return s.evaluate(ctx, e)
}

// serving is the API in front of decisions, for users who bear the token "good".
func serving(evaluate func(context.Context, catalog.Evaluation) (catalog.Decision, error)) *server {
	s, _ := New(Options{
		Decisions:    func(catalog.Caller) catalog.Decisions { return scripted{evaluate: evaluate} },
		Trusted:      func(catalog.Caller) bool { return true },
		Authenticate: func(*http.Request) (catalog.Caller, error) { return catalog.Caller{Subject: "envoy"}, nil },
		Bearer: func(token string, _ *x509.Certificate) (catalog.Caller, error) {
			if token != "good" {
				return catalog.Caller{}, errors.New("bad")
			}
			return catalog.Caller{Subject: "ann"}, nil
		},
		Timeout: time.Minute, MaxConcurrent: 1,
	}).(*server)
	return s
}

func reads(path, token string) *authv3.CheckRequest {
	return &authv3.CheckRequest{Attributes: &authv3.AttributeContext{Request: &authv3.AttributeContext_Request{Http: &authv3.AttributeContext_HttpRequest{
		Method: "GET", Path: path, Headers: map[string]string{"authorization": "Bearer " + token},
	}}}}
}

// FuzzCheck: whatever an Envoy sends is answered; only a reading request with
// one good token that names a product is asked about, and as its user.
func FuzzCheck(f *testing.F) {
	for _, r := range []*authv3.CheckRequest{reads("/data/sigint/tracks/x", "good"), reads("/data/../x", "good"), reads("/data/a/b", "bad"), {}} {
		text, err := proto.Marshal(r)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text, "/data/sigint/tracks/x")
	}
	f.Fuzz(func(t *testing.T, message []byte, path string) {
		s := serving(func(_ context.Context, e catalog.Evaluation) (catalog.Decision, error) {
			if e.Subject.ID != "ann" || len(e.Subject.Properties) > 0 {
				t.Errorf("asked about %+v", e.Subject)
			}
			return catalog.Decision{Permit: e.Action.Name == "read" && e.Resource.ID != ""}, nil
		})
		var r authv3.CheckRequest
		if proto.Unmarshal(message, &r) == nil {
			answer, err := service{s: s}.Check(t.Context(), &r)
			if err != nil || answer.GetOkResponse() == nil && answer.GetDeniedResponse() == nil || (answer.GetOkResponse() != nil) != (answer.GetStatus().GetCode() == 0) {
				t.Errorf("got %v, %v", answer, err)
			}
		}
		if id, err := productOf(path); err == nil && (!strings.HasPrefix(path, "/data/"+id) || strings.Contains(path[:strings.IndexByte(path+"?", '?')], "..")) {
			t.Errorf("%q names %s", path, id)
		}
	})
}

// TestWhateverFailsIsDenied: Envoy can be told to let failures through, so
// there are none.
func TestWhateverFailsIsDenied(t *testing.T) {
	t.Parallel()
	for name, evaluate := range map[string]func(context.Context, catalog.Evaluation) (catalog.Decision, error){
		"error": func(context.Context, catalog.Evaluation) (catalog.Decision, error) {
			return catalog.Decision{Permit: true}, errors.New("full")
		},
		"panic": func(context.Context, catalog.Evaluation) (catalog.Decision, error) { panic("no") },
		"denied, a reason": func(context.Context, catalog.Evaluation) (catalog.Decision, error) {
			return catalog.Decision{Reason: "clearance"}, nil
		},
	} {
		answer, err := service{s: serving(evaluate)}.Check(t.Context(), reads("/data/sigint/tracks/x", "good"))
		if err != nil || statusOf(answer) != http.StatusForbidden || strings.Contains(answer.String(), "clearance") {
			t.Errorf("%s: got %v, %v", name, answer, err)
		}
	}
}

// TestFailureToKnowTheSenderIsDenied: that is no failure of the call either.
func TestFailureToKnowTheSenderIsDenied(t *testing.T) {
	t.Parallel()
	s := serving(nil)
	s.Authenticate = func(*http.Request) (catalog.Caller, error) { panic("no") }
	w := httptest.NewRecorder()
	s.ServeHTTP(w, httptest.NewRequest(http.MethodPost, prefix+"Check", http.NoBody))
	var answer authv3.CheckResponse
	if raw := w.Body.Bytes(); len(raw) < 5 || proto.Unmarshal(raw[5:], &answer) != nil || statusOf(&answer) != http.StatusForbidden || w.Result().Trailer.Get("Grpc-Status") != "0" {
		t.Errorf("got %q with %v", raw, w.Result().Trailer)
	}
}

// TestBeyondTheLimitIsDenied: while as many checks are made as may be, another
// one is denied at once, and let in afterwards.
func TestBeyondTheLimitIsDenied(t *testing.T) {
	t.Parallel()
	entered, leave := make(chan struct{}), make(chan struct{})
	s := service{s: serving(func(context.Context, catalog.Evaluation) (catalog.Decision, error) {
		entered <- struct{}{}
		<-leave
		return catalog.Decision{Permit: true}, nil
	})}
	check := func() int {
		answer, err := s.Check(context.Background(), reads("/data/sigint/tracks/x", "good"))
		if err != nil {
			t.Error(err)
		}
		return statusOf(answer)
	}
	first := make(chan int)
	go func() { first <- check() }()
	<-entered
	if got := check(); got != http.StatusForbidden {
		t.Errorf("beyond the limit: got %d", got)
	}
	close(leave)
	if got := <-first; got != http.StatusOK {
		t.Errorf("within the limit: got %d", got)
	}
}

// TestBothServicesInBetweenMustBeLetIn: a user who is let in through the Envoy
// alone, or through the service in front of it alone, is not.
func TestBothServicesInBetweenMustBeLetIn(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		denied string
		want   int
	}{{"both", "", http.StatusOK}, {"the service is not", "portal", http.StatusForbidden}, {"the Envoy is not", "envoy", http.StatusForbidden}} {
		var met []string
		var log bytes.Buffer
		s := serving(nil)
		s.Log = slog.New(slog.NewTextHandler(&log, nil))
		s.Bearer = func(string, *x509.Certificate) (catalog.Caller, error) {
			return catalog.Caller{Subject: "ann", Via: &catalog.Caller{Subject: "portal"}}, nil
		}
		through(s, c.denied, &met)
		ctx := context.WithValue(t.Context(), envoyKey{}, envoy{caller: catalog.Caller{Subject: "envoy"}})
		answer, err := service{s: s}.Check(ctx, reads("/data/sigint/tracks/x", "good"))
		if err != nil || statusOf(answer) != c.want || len(met) == 0 {
			t.Errorf("%s: got %v, %v through %q", c.name, answer, err, met)
		}
		if want := "enforcement_point=envoy subject=ann via=portal"; !strings.Contains(log.String(), want) {
			t.Errorf("%s: the log has %s, want %s", c.name, log.String(), want)
		}
	}
}

// through has decisions that deny whoever comes through one service.
func through(s *server, denied string, met *[]string) {
	s.Decisions = func(c catalog.Caller) catalog.Decisions {
		*met = append(*met, c.Via.Subject)
		return scripted{evaluate: func(context.Context, catalog.Evaluation) (catalog.Decision, error) {
			return catalog.Decision{Permit: c.Via.Subject != denied}, nil
		}}
	}
}

// TestOneTokenIsOneToken: what could be read as two is none.
func TestOneTokenIsOneToken(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]string{
		"Bearer a.b-c_d~e+f/g==": "a.b-c_d~e+f/g==", "bearer x": "x", "Bearer x,Bearer y": "", "Bearer x y": "", "Bearer  x": "", "Bearer x ": "", "Bearer x\ty": "",
		"Bearer": "", "Bearer ": "", "Basic x": "", "": "", "Bearer =": "", "Bearer x=y": "", "Bearer x\n": "",
	} {
		if got, err := (headers{"authorization": {value}}).token(); got != want || (err == nil) != (want != "") {
			t.Errorf("%q: got %q, %v, want %q", value, got, err, want)
		}
	}
}
