package platformd

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
)

// resolver looks up the addresses of a name, as net.Resolver does.
type resolver interface {
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
}

// loopback returns the address to listen on, all of digits, or says why a dev
// server must not listen there. A name is resolved once, here, and must mean
// loopback addresses only: a hosts file can say anything of "localhost".
func loopback(ctx context.Context, names resolver, address string) (string, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return "", fmt.Errorf("listen address %q is not valid: write address:port, such as 127.0.0.1:0", address)
	}
	if host == "" {
		return "", beyond(address, "it names every interface of this machine")
	}
	addrs, err := addresses(ctx, names, host)
	if err != nil {
		return "", fmt.Errorf("listen address %q: %w", address, err)
	}
	for _, addr := range addrs {
		if !addr.Unmap().IsLoopback() {
			return "", beyond(address, addr.String()+" is not a loopback address")
		}
	}
	return net.JoinHostPort(addrs[0].String(), port), nil
}

func addresses(ctx context.Context, names resolver, host string) ([]netip.Addr, error) {
	if addr, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{addr}, nil
	}
	addrs, err := names.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return nil, fmt.Errorf("look up %q: %w", host, err)
	}
	if len(addrs) == 0 {
		return nil, fmt.Errorf("look up %q: it has no address", host)
	}
	return addrs, nil
}

func beyond(address, reason string) error {
	return fmt.Errorf("refuse to listen on %q: %s, and a development server has no TLS and a throw-away issuer: listen on 127.0.0.1 or [::1]", address, reason)
}

// onlyLoopbackNames answers requests whose Host is a loopback name and refuses
// all others. It stops DNS rebinding: a page at evil.example whose name is
// made to point at 127.0.0.1 is of the same origin as this server for the
// browser, but the browser still sends Host: evil.example.
func onlyLoopbackNames(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if isLoopbackHost(r.Host) {
			next.ServeHTTP(w, r)
			return
		}
		w.Header().Set("Content-Type", "application/problem+json")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.WriteHeader(http.StatusMisdirectedRequest)
		_, _ = w.Write([]byte(`{"type":"about:blank","title":"Misdirected Request","status":421,` +
			`"detail":"This development server answers to loopback names only: use the endpoint of its ready file."}` + "\n")) // the peer is gone
	})
}

// isLoopbackHost reads the header as a URL's authority, so that nothing but a
// name or address and a port gets past.
func isLoopbackHost(host string) bool {
	u, err := url.Parse("//" + host)
	if err != nil || u.Host != host {
		return false
	}
	if strings.EqualFold(u.Hostname(), "localhost") {
		return true
	}
	addr, err := netip.ParseAddr(u.Hostname())
	return err == nil && addr.Zone() == "" && addr.Unmap().IsLoopback()
}
