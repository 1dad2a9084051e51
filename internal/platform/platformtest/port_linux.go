package platformtest

import (
	"net"
	"strconv"
	"syscall"
	"testing"
)

// reserve is a loopback address whose port is the test's own until it ends: a
// socket is bound to it that never listens. The kernel gives such a port to
// nobody who asks for any free one, neither to listen nor to connect from, and
// refuses connections to it. Who names it may listen, stop, and listen again.
func reserve(t testing.TB) string {
	t.Helper()
	fd, err := unlisted()
	if err != nil {
		t.Fatalf("platformtest: reserve a port: %v", err)
	}
	t.Cleanup(func() { _ = syscall.Close(fd) }) // nothing was written to it
	name, err := syscall.Getsockname(fd)
	bound, ok := name.(*syscall.SockaddrInet4)
	if err != nil || !ok {
		t.Fatalf("platformtest: reserve a port: got %T, %v", name, err)
	}
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(bound.Port))
}

// unlisted is a socket that is bound to a free port of the loopback and shares
// it with one that listens.
func unlisted() (fd int, err error) {
	fd, err = syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, err
	}
	err = syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1)
	if err == nil {
		err = syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}})
	}
	if err != nil {
		_ = syscall.Close(fd) // the first error tells
		return -1, err
	}
	return fd, nil
}
