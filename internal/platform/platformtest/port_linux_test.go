package platformtest

import (
	"errors"
	"net"
	"net/http"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// onlyPort is ip(7)'s IP_LOCAL_PORT_RANGE, which package syscall does not name.
const onlyPort = 51

// TestAStoppedPlatformKeepsItsPort: who wants any free port, and could have no
// other than this one, gets none; connections are refused; and the platform
// comes back at it.
func TestAStoppedPlatformKeepsItsPort(t *testing.T) {
	t.Parallel()
	p := Start(t)
	_, text, _ := strings.Cut(p.Endpoint, "//127.0.0.1:")
	port, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("endpoint %s: %v", p.Endpoint, err)
	}
	p.Stop()
	if got := get(t, p.Endpoint+"/healthz", ""); got != 0 {
		t.Errorf("a stopped platform: got %d, want no answer", got)
	}
	anybody := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) (err error) {
		if failed := c.Control(func(fd uintptr) {
			err = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_IP, onlyPort, port<<16|port)
		}); failed != nil {
			return failed
		}
		return err
	}}
	switch taken, err := anybody.Listen(t.Context(), "tcp", "127.0.0.1:0"); {
	case err == nil:
		_ = taken.Close() // it is not wanted
		t.Errorf("somebody got the port of a stopped platform")
	case errors.Is(err, syscall.ENOPROTOOPT):
		t.Skip("this kernel (before 6.3) lets nobody ask for one port alone")
	}
	p.Restart()
	if got := get(t, p.Endpoint+"/healthz", ""); got != http.StatusOK {
		t.Errorf("at its port again: got %d, want %d", got, http.StatusOK)
	}
}
