package metrics

import (
	"io"
	"net/http"
)

// writer notes the status of an answer. What a connection can do beyond
// writing, it still can: see Unwrap and ReadFrom.
type writer struct {
	http.ResponseWriter
	status  int
	written bool
}

// WriteHeader implements [http.ResponseWriter]. A status of 1xx is not yet the
// answer, save 101.
func (w *writer) WriteHeader(status int) {
	if !w.written && (status >= 200 || status == http.StatusSwitchingProtocols) {
		w.status, w.written = status, true
	}
	w.ResponseWriter.WriteHeader(status)
}

// Write implements [io.Writer].
func (w *writer) Write(b []byte) (int, error) {
	w.written = true
	return w.ResponseWriter.Write(b)
}

// ReadFrom implements [io.ReaderFrom], so that a file is sent by the system.
func (w *writer) ReadFrom(r io.Reader) (int64, error) {
	w.written = true
	return io.Copy(w.ResponseWriter, r)
}

// Flush implements [http.Flusher].
func (w *writer) Flush() {
	w.written = true
	_ = http.NewResponseController(w.ResponseWriter).Flush() // as far as it can
}

// Unwrap is for [http.ResponseController].
func (w *writer) Unwrap() http.ResponseWriter { return w.ResponseWriter }
