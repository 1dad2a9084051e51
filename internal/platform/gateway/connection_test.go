package gateway

import (
	"io"
	"net"
	"testing"
	"testing/synctest"
)

// TestBytesBeforeTheQuestion are not read before it is asked, nor without end
// when it never is.
func TestBytesBeforeTheQuestion(t *testing.T) {
	t.Parallel()
	for _, asks := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			near, far := net.Pipe()
			conn, early := newConnection(near), make(chan struct{})
			go func() {
				_, _ = io.WriteString(far, "early") // it is taken, or the pipe is closed
				close(early)
			}()
			go func() { _, _ = io.Copy(io.Discard, far) }()
			read := make(chan error, 1)
			go func() {
				_, err := conn.Read(make([]byte, 5))
				read <- err
			}()
			synctest.Wait()
			select {
			case <-early:
				t.Error("read before anything was asked")
			default:
			}
			if asks {
				_, _ = conn.Write([]byte("?"))
			} else {
				_ = conn.Close()
			}
			if err := <-read; (err == nil) != asks {
				t.Errorf("asking is %v: got %v", asks, err)
			}
			_ = conn.Close()
			<-early
		})
	}
}
