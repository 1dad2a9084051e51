// Package witness has the audit log's checkpoints cosigned by witnesses (C2SP
// tlog-witness): machines of others, which remember the largest log that they
// have seen under our name and sign only what goes on from it. Whoever owns our
// machine and key can write a second history, but gets it past no witness.
//
// # What a witness is trusted with
//
// Nothing but its signature. Its answers are short, come in time or not at all,
// and a cosignature counts when it verifies under the configured key and was
// made now, by our clock: an old one could be of a witness that is no more. A
// witness that fails, lies or hangs is asked less and less often and holds
// nobody up: rounds run beside the signing of checkpoints, never in a request.
package witness

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/meshwright/terraform-provider-datamesh/internal/audit"
)

// The reasons for which a witness gives no cosignature.
var (
	// ErrForked: the witness has seen a log under our name that ours does not
	// go on from. Our database was put back or rewritten, or somebody else
	// signs with our key; or the witness lies.
	ErrForked = errors.New("the witness knows another history of this log")
	// ErrUnknown: the witness does not know our log. Its operator must add it.
	ErrUnknown = errors.New("the witness does not know this log: give its operator the log's key")
	// ErrKeyRefused: the witness knows our log by another key.
	ErrKeyRefused = errors.New("the witness does not take the key of this log")
	// ErrTime: the cosignature was not made now. Either clock may be wrong.
	ErrTime = errors.New("the cosignature is of another time")
)

const (
	// Timeout bounds one request to a witness.
	Timeout = 5 * time.Second
	// MaxSkew is how far the clock of a witness may be from ours.
	MaxSkew = 5 * time.Minute
	// maxAnswer is how much of an answer is read, in bytes.
	maxAnswer = 8 << 10
	// maxRequests is how often a witness is asked for one cosignature: once
	// more with the size that it says it has.
	maxRequests = 2
)

// Options describe one witness. Now may be nil for time.Now, the others are
// needed.
type Options struct {
	// URL is the submission prefix, to which /add-checkpoint is added.
	URL string
	Key audit.WitnessKey
	// Client follows no redirects and has a limit of time.
	Client *http.Client
	// Prove makes the proof that the log of a checkpoint begins with its first
	// old entries.
	Prove func(ctx context.Context, old int64, c audit.Checkpoint) ([]audit.Hash, error)
	Now   func() time.Time
}

// Witness is one witness. Cosign is called once at a time.
type Witness struct {
	Options
	old int64 // size of what it cosigned last, as far as we know
}

// New describes a witness and asks nothing yet.
func New(o Options) *Witness {
	if o.Now == nil {
		o.Now = time.Now
	}
	o.URL = strings.TrimSuffix(o.URL, "/") + "/add-checkpoint"
	return &Witness{Options: o}
}

// Cosign asks for a cosignature of a signed checkpoint and returns the
// checkpoint with it.
func (w *Witness) Cosign(ctx context.Context, c audit.Checkpoint, signed []byte) ([]byte, audit.Cosignature, error) {
	ctx, cancel := context.WithTimeout(ctx, Timeout)
	defer cancel()
	answer, err := w.ask(ctx, c, signed)
	if err != nil {
		return nil, audit.Cosignature{}, fmt.Errorf("witness %s: %w", w.Key.Name(), err)
	}
	cosigned, cosignature, err := audit.AddCosignature(signed, answer, w.Key)
	if err != nil {
		return nil, audit.Cosignature{}, fmt.Errorf("witness %s: %w", w.Key.Name(), err)
	}
	if skew := cosignature.Time.Sub(w.Now()); skew.Abs() > MaxSkew {
		return nil, audit.Cosignature{}, fmt.Errorf("witness %s: %w: its clock and ours are %s apart", w.Key.Name(), ErrTime, skew.Abs().Round(time.Second))
	}
	w.old = c.Size
	return cosigned, cosignature, nil
}

// ask sends the checkpoint with a proof from what the witness has, which it
// tells when we are wrong about that.
func (w *Witness) ask(ctx context.Context, c audit.Checkpoint, signed []byte) ([]byte, error) {
	var body []byte
	for range maxRequests {
		proof, err := w.Prove(ctx, w.old, c)
		if err != nil {
			return nil, err
		}
		var status int
		if status, body, err = w.post(ctx, request(w.old, proof, signed)); err != nil {
			return nil, err
		}
		if status != http.StatusConflict {
			return body, refusal(status)
		}
		size, err := parseSize(body)
		if err != nil {
			return nil, err
		}
		if size == w.old || size > c.Size { // not kept: a lie must not last
			return nil, fmt.Errorf("%w: it has cosigned %d entries, and this log has %d", ErrForked, size, c.Size)
		}
		w.old = size
	}
	return nil, errors.New("it names another size each time")
}

// request is the body of add-checkpoint.
func request(old int64, proof []audit.Hash, signed []byte) []byte {
	body := fmt.Appendf(nil, "old %d\n", old)
	for _, h := range proof {
		body = fmt.Appendf(body, "%s\n", h)
	}
	return append(append(body, '\n'), signed...)
}

func (w *Witness) post(ctx context.Context, body []byte) (int, []byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, w.URL, bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	request.Header.Set("Content-Type", "text/plain; charset=utf-8")
	response, err := w.Client.Do(request)
	if err != nil {
		return 0, nil, err
	}
	defer func() { _ = response.Body.Close() }() // read to its end, or given up
	answer, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer+1))
	if err == nil && len(answer) > maxAnswer {
		err = fmt.Errorf("its answer is longer than %d bytes", maxAnswer)
	}
	return response.StatusCode, answer, err
}

func refusal(status int) error {
	switch status {
	case http.StatusOK:
		return nil
	case http.StatusUnprocessableEntity:
		return fmt.Errorf("%w: our log does not begin with it", ErrForked)
	case http.StatusNotFound:
		return ErrUnknown
	case http.StatusForbidden:
		return ErrKeyRefused
	}
	return fmt.Errorf("it answered %d %s", status, http.StatusText(status))
}

// parseSize reads the answer to a proof from the wrong size: text/x.tlog.size.
func parseSize(body []byte) (int64, error) {
	text, ended := strings.CutSuffix(string(body), "\n")
	size, err := strconv.ParseInt(text, 10, 64)
	if err != nil || !ended || size < 0 || size > audit.MaxSize || strconv.FormatInt(size, 10) != text {
		return 0, errors.New("it does not say which size it has")
	}
	return size, nil
}
