package transfer

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/artifact"
)

// minProgress is what an attempt must bring, in bytes, to count as progress.
const minProgress = 64 << 10

// Origin is where a blob is fetched.
type Origin struct {
	Name string // for errors
	// Get sends one request with the header, which asks for a range, or is nil.
	// The context ends with the transfer.
	Get func(ctx context.Context, header http.Header) (*http.Response, error)
	// Explain turns an answer that is neither 200 nor 206 into an error.
	Explain func(*http.Response) error
}

// Open returns the bytes of the blob from the offset on, unverified, and never
// more of them than its size says. A transfer that breaks goes on where it
// broke, up to a few times in a row without progress.
func (l *Line) Open(ctx context.Context, from Origin, blob artifact.Blob, offset int64) (io.ReadCloser, error) {
	t := &transfer{ctx: ctx, line: l, from: from, blob: blob, at: offset, opened: offset}
	if offset < 0 || offset > blob.Size {
		return nil, t.failed(fmt.Errorf("it has %d bytes and no offset %d", blob.Size, offset))
	}
	if offset == blob.Size {
		return t, nil
	}
	if err := t.connect(); err != nil {
		return nil, t.failed(err)
	}
	return t, nil
}

// transfer is one blob on its way. It is read by one goroutine.
type transfer struct {
	ctx      context.Context //nolint:containedctx // that of Open, which all its requests belong to
	line     *Line
	from     Origin
	blob     artifact.Blob
	at       int64 // of the next byte
	opened   int64 // where the present attempt began
	attempts int   // in a row that brought nothing
	body     io.ReadCloser
	watch    *watch
}

// Read reads on, over as many connections as it takes.
func (t *transfer) Read(p []byte) (int, error) {
	for {
		if t.at == t.blob.Size {
			return 0, t.end()
		}
		n, err := t.read(p)
		if n > 0 {
			return n, nil
		}
		if err := t.recover(err); err != nil {
			return 0, t.failed(err)
		}
	}
}

func (t *transfer) read(p []byte) (int, error) {
	if t.body == nil {
		return 0, io.ErrUnexpectedEOF
	}
	begun := t.watch.begin()
	n, err := t.body.Read(p[:min(int64(len(p)), t.blob.Size-t.at)])
	t.at += int64(n)
	t.watch.saw(n, time.Since(begun))
	if n == 0 && err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// end looks for bytes behind the last one, once.
func (t *transfer) end() error {
	if t.body == nil {
		return io.EOF
	}
	var more [1]byte
	n, _ := t.body.Read(more[:]) // an error here means that there is no more
	t.release()
	if n > 0 {
		return t.failed(fmt.Errorf("the server sends more than the %d bytes that it is listed with", t.blob.Size))
	}
	return io.EOF
}

// recover connects again after a failure that may pass.
func (t *transfer) recover(cause error) error {
	stalled := t.watch.stalled()
	t.release()
	if err := t.ctx.Err(); err != nil {
		return err
	}
	if t.at-t.opened >= minProgress {
		t.attempts = 0
	}
	t.attempts++
	if stalled {
		cause = fmt.Errorf("the server sent nothing, or nearly nothing, for %s", t.line.options.Patience)
	}
	if t.attempts >= maxAttempts || !isTransient(cause) && !stalled {
		return fmt.Errorf("at byte %d of %d: %w", t.at, t.blob.Size, cause)
	}
	if err := t.line.options.Wait(t.ctx, pauseAfter(t.attempts, nil)); err != nil {
		return err
	}
	return t.connect()
}

func (t *transfer) connect() error {
	ctx, cancel := context.WithCancel(t.ctx)
	t.opened = t.at
	t.watch = watchFor(t.line.options.Patience, cancel)
	var header http.Header
	if t.at > 0 {
		header = http.Header{"Range": {fmt.Sprintf("bytes=%d-", t.at)}}
	}
	answer, err := t.from.Get(ctx, header) //nolint:bodyclose // release closes it
	if err != nil {
		t.watch.stop()
		return err
	}
	t.body = answer.Body
	if err := t.check(answer); err != nil {
		t.release()
		return err
	}
	return nil
}

// check makes sure that the answer begins at the byte that was asked for, and
// skips to it where a server does not know Range.
func (t *transfer) check(answer *http.Response) error {
	left := t.blob.Size - t.at
	switch answer.StatusCode {
	case http.StatusPartialContent:
		want := fmt.Sprintf("bytes %d-%d/%d", t.at, t.blob.Size-1, t.blob.Size)
		if found := answer.Header.Get("Content-Range"); found != want {
			return fmt.Errorf("the server sends the range %.60q instead of %q", found, want)
		}
	case http.StatusOK:
		left = t.blob.Size
	default:
		return t.from.Explain(answer)
	}
	if answer.ContentLength >= 0 && answer.ContentLength != left {
		return fmt.Errorf("it is listed with %d bytes, and the server sends %d", t.blob.Size, t.blob.Size-left+answer.ContentLength)
	}
	if left == t.blob.Size-t.at {
		return nil
	}
	_, err := io.CopyN(io.Discard, t.body, t.at)
	return err
}

// Close ends the transfer.
func (t *transfer) Close() error {
	t.release()
	return nil
}

func (t *transfer) release() {
	if t.body != nil {
		_ = t.body.Close() // only read
		t.body = nil
		t.watch.stop()
	}
}

func (t *transfer) failed(err error) error {
	return fmt.Errorf("%s@%s: %w", t.from.Name, t.blob.Digest, err)
}

// watch ends an attempt that stands still, or that crawls: a server that sends
// a byte now and then would hold a run for ever. Only the time inside reads
// counts; a reader that is busy elsewhere is no fault of the server.
type watch struct {
	patience time.Duration
	cancel   context.CancelFunc
	timer    *time.Timer
	fired    atomic.Bool
	spent    time.Duration // reading in the present window
	seen     int           // bytes of it
}

// windows is how many times the patience a window of [minProgress] bytes has.
const windows = 4

// watchFor starts with the request, whose head has to come in time as well.
func watchFor(patience time.Duration, cancel context.CancelFunc) *watch {
	w := &watch{patience: patience, cancel: cancel}
	w.timer = time.AfterFunc(answerTimeout+patience, w.end)
	return w
}

func (w *watch) end() {
	w.fired.Store(true)
	w.cancel()
}

func (w *watch) begin() time.Time {
	w.timer.Reset(w.patience)
	return time.Now()
}

func (w *watch) saw(n int, spent time.Duration) {
	w.timer.Stop()
	w.spent += spent
	if w.seen += n; w.seen >= minProgress {
		w.seen, w.spent = 0, 0
	} else if w.spent > windows*w.patience {
		w.end()
	}
}

func (w *watch) stalled() bool { return w != nil && w.fired.Load() }

func (w *watch) stop() {
	w.timer.Stop()
	w.cancel()
}
