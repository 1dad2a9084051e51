package gateway_test

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/configfile"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/gateway"
)

// production makes a gateway with the sources of a production server.
func production(t *testing.T, config configfile.Gateway) func(*gateway.Options) {
	t.Helper()
	sources, err := gateway.NewSources(config, false)
	if err != nil {
		t.Fatal(err)
	}
	return func(o *gateway.Options) { o.Sources = sources }
}

// TestURLsThatAreNotConfigured: the owner of a product writes its URL, and the
// gateway calls nobody for it whom the operator has not named.
func TestURLsThatAreNotConfigured(t *testing.T) {
	t.Parallel()
	reached := upstream(t, func(http.ResponseWriter, *http.Request) { t.Error("the upstream was asked") })
	other := upstream(t, func(http.ResponseWriter, *http.Request) { t.Error("another port of the machine was asked") })
	dir, _ := folder(t, map[string]string{"x": "x"})
	host := strings.TrimPrefix(reached, "http://")
	config := configfile.Gateway{
		HTTP:        []configfile.HTTPSource{{URL: reached + "/tracks/", Domains: []string{"sigint"}}},
		Directories: []configfile.DirectorySource{{Path: dir + "/x", Domains: []string{"sigint"}}},
	}
	for _, c := range []struct {
		kind    catalog.PortType
		address string
		domain  string
	}{
		{catalog.PortHTTP, other + "/tracks/", "sigint"},
		{catalog.PortHTTP, reached, "sigint"},
		{catalog.PortHTTP, reached + "/", "sigint"},
		{catalog.PortHTTP, reached + "/tracks2", "sigint"},
		{catalog.PortHTTP, reached + "/tracks/../other", "sigint"},
		{catalog.PortHTTP, reached + "/tracks/%2e%2e/other", "sigint"},
		{catalog.PortHTTP, reached + "/tracks//x", "sigint"},
		{catalog.PortHTTP, "http://user:pass@" + host + "/tracks/", "sigint"},
		{catalog.PortHTTP, "http://" + host + ".evil.example/tracks/", "sigint"},
		{catalog.PortHTTP, "http://evil.example#" + host + "/tracks/", "sigint"},
		{catalog.PortHTTP, "https://" + host + "/tracks/", "sigint"},
		{catalog.PortHTTP, "file://" + dir + "/x", "sigint"},
		{catalog.PortHTTP, "gopher://" + host + "/tracks/", "sigint"},
		{catalog.PortHTTP, reached + "/tracks/", "humint"}, // the source is another domain's
		{catalog.PortSQL, reached + "/tracks/", "sigint"},
		{catalog.PortS3, reached + "/tracks/", "sigint"},
		{catalog.PortFile, "file://" + dir, "sigint"},
		{catalog.PortFile, "file://" + dir + "/x/../y", "sigint"},
		{catalog.PortFile, "file://evil.example" + dir + "/x", "sigint"},
		{catalog.PortFile, "file:///etc/passwd", "sigint"},
		{catalog.PortFile, "file://" + dir + "/x", "humint"},
		{catalog.PortHTTP, "%zz", "sigint"},
	} {
		m := from(c.kind, c.address)
		resp, body, err := get(t, serve(t, m, config)+"/data/"+c.domain+"/tracks/p")
		if err != nil || resp.StatusCode != http.StatusBadGateway || strings.Contains(body, host) {
			t.Errorf("%+v: got %s %q %v, want 502", c, resp.Status, body, err)
		}
		if done := m.last(t).result(t); done.Outcome != catalog.OutcomeFailed {
			t.Errorf("%+v: recorded %+v", c, done)
		}
	}
}

// TestNameThatLeadsElsewhere: what counts is the address that is called, at the
// time it is called (DNS rebinding). Each name here leads to this machine.
func TestNameThatLeadsElsewhere(t *testing.T) {
	t.Parallel()
	var called atomic.Bool
	up := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	up.Config.ConnState = func(net.Conn, http.ConnState) { called.Store(true) }
	up.StartTLS()
	t.Cleanup(up.Close)
	_, port, err := net.SplitHostPort(up.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	anchor := anchorOf(t, up)
	for _, networks := range [][]string{nil, {"10.0.0.0/8"}, {"192.0.2.0/24", "2001:db8::/32"}} {
		config := configfile.Gateway{HTTP: []configfile.HTTPSource{{URL: "https://localhost:" + port + "/", Domains: []string{"*"}, CAFiles: []string{anchor}, Networks: networks}}}
		m := from(catalog.PortHTTP, "https://localhost:"+port+"/x")
		resp, body, err := get(t, serve(t, m, configfile.Gateway{}, production(t, config))+"/data/sigint/tracks/p")
		if err != nil || resp.StatusCode != http.StatusBadGateway {
			t.Errorf("%q: got %s %q %v, want 502", networks, resp.Status, body, err)
		}
	}
	if called.Load() {
		t.Error("the machine was called")
	}
}

// TestNameThatLeadsToOurOwnAddress: what listens on all addresses of the machine,
// or on one that others reach too, is on this machine no less.
func TestNameThatLeadsToOurOwnAddress(t *testing.T) {
	t.Parallel()
	own := ownAddress(t)
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", net.JoinHostPort(own, "0"))
	if err != nil {
		t.Fatal(err)
	}
	var called atomic.Bool
	up := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	_ = up.Listener.Close() // ours takes its place
	up.Listener, up.Config.ConnState = listener, func(net.Conn, http.ConnState) { called.Store(true) }
	up.StartTLS()
	t.Cleanup(up.Close)
	for _, networks := range [][]string{nil, {own + "/32"}} { // the operator may want it all the same
		config := configfile.Gateway{HTTP: []configfile.HTTPSource{{URL: up.URL + "/", Domains: []string{"*"}, CAFiles: []string{anchorOf(t, up)}, Networks: networks}}}
		m := from(catalog.PortHTTP, up.URL+"/x")
		resp, body, err := get(t, serve(t, m, configfile.Gateway{}, production(t, config))+"/data/sigint/tracks/p")
		if err != nil || resp.StatusCode != http.StatusBadGateway || called.Swap(false) != (networks != nil) { // its certificate is for another name
			t.Errorf("%q: got %s %q %v", networks, resp.Status, body, err)
		}
	}
}

// ownAddress is an IPv4 address of this machine that others reach.
func ownAddress(t *testing.T) string {
	t.Helper()
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range addrs {
		if prefix, err := netip.ParsePrefix(a.String()); err == nil && prefix.Addr().Is4() && !prefix.Addr().IsLoopback() {
			return prefix.Addr().String()
		}
	}
	t.Skip("the machine has no address but those of its loopback")
	return ""
}

func anchorOf(t *testing.T, s *httptest.Server) string {
	t.Helper()
	return write(t, "ca.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})))
}

func write(t *testing.T, name, content string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// TestUpstreamProvesItself to the operator's anchors and no others, which are
// read again while the gateway runs.
func TestUpstreamProvesItself(t *testing.T) {
	t.Parallel()
	up := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "hello "+r.TLS.PeerCertificates[0].Subject.Organization[0])
	}))
	up.TLS = &tls.Config{ClientAuth: tls.RequireAnyClientCert, MinVersion: tls.VersionTLS13}
	up.StartTLS()
	t.Cleanup(up.Close)
	anchor := anchorOf(t, up)
	cert, key := pairOf(t, up.TLS.Certificates[0])
	config := configfile.Gateway{HTTP: []configfile.HTTPSource{{
		URL: up.URL + "/", Domains: []string{"*"}, CAFiles: []string{anchor}, Networks: []string{"127.0.0.0/8"}, CertificateFile: cert, KeyFile: key,
	}}}
	m := from(catalog.PortHTTP, up.URL+"/x")
	endpoint := serve(t, m, configfile.Gateway{}, production(t, config))
	if resp, body, err := get(t, endpoint+"/data/sigint/tracks/p"); err != nil || body != "hello Acme Co" {
		t.Errorf("got %s %q %v", resp.Status, body, err)
	}
	foreign := write(t, "other.pem", otherAnchor(t))
	content, err := os.ReadFile(foreign)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(anchor, content, 0o600); err != nil {
		t.Fatal(err)
	}
	if resp, body, err := get(t, endpoint+"/data/sigint/tracks/p"); err != nil || resp.StatusCode != http.StatusBadGateway {
		t.Errorf("with another anchor: got %s %q %v, want 502", resp.Status, body, err)
	}
}

func pairOf(t *testing.T, c tls.Certificate) (cert, key string) {
	t.Helper()
	raw, err := x509.MarshalPKCS8PrivateKey(c.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	return write(t, "cert.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Certificate[0]}))),
		write(t, "key.pem", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: raw})))
}

func TestConfigurationsThatAreRefused(t *testing.T) {
	t.Parallel()
	all := []string{"*"}
	ca := write(t, "ca.pem", otherAnchor(t))
	key := write(t, "key", "word\n")
	large := write(t, "large", otherAnchor(t)+strings.Repeat("\n", 1<<20))
	store := func(change func(*configfile.S3Source)) configfile.Gateway {
		s := configfile.S3Source{Endpoint: "https://s3.example", Region: "r", Buckets: []string{"tracks"}, AccessKeyFile: key, SecretKeyFile: key, Domains: all, CAFiles: []string{ca}}
		change(&s)
		return configfile.Gateway{S3: []configfile.S3Source{s}}
	}
	web := func(s configfile.HTTPSource) configfile.Gateway {
		return configfile.Gateway{HTTP: []configfile.HTTPSource{s}}
	}
	dir := func(s configfile.DirectorySource) configfile.Gateway {
		return configfile.Gateway{Directories: []configfile.DirectorySource{s}}
	}
	if _, err := gateway.NewSources(store(func(*configfile.S3Source) {}), false); err != nil {
		t.Fatalf("a good one: %v", err)
	}
	for _, c := range []struct {
		config configfile.Gateway
		dev    bool
		want   string
	}{
		{web(configfile.HTTPSource{URL: "https://h.example/", CAFiles: []string{ca}}), false, "http[0]: domains is missing"},
		{web(configfile.HTTPSource{URL: "https://h.example/", CAFiles: []string{ca}, Domains: []string{"A B"}}), false, "is not the name of a domain"},
		{web(configfile.HTTPSource{URL: "https://h.example/", Domains: all}), false, "ca_files is missing"},
		{web(configfile.HTTPSource{URL: "https://h.example/", Domains: all, CAFiles: []string{key}}), false, "holds no certificate"},
		{web(configfile.HTTPSource{URL: "https://h.example/", Domains: all, CAFiles: []string{ca + "x"}}), false, "no such file"},
		{web(configfile.HTTPSource{URL: "https://h.example/", Domains: all, CAFiles: []string{large}}), false, "larger than"},
		{web(configfile.HTTPSource{URL: "https://h.example/", Domains: all, CAFiles: []string{os.DevNull}}), false, "no regular file"},
		{web(configfile.HTTPSource{URL: "https://h.example/", Domains: all, CAFiles: []string{ca}, CertificateFile: ca, KeyFile: large}), false, "larger than"},
		{web(configfile.HTTPSource{URL: "https://h.example/", Domains: all, CAFiles: []string{ca}, KeyFile: key}), false, "certificate_file"},
		{web(configfile.HTTPSource{URL: "http://h.example/", Domains: all}), false, "in the clear"},
		{web(configfile.HTTPSource{URL: "http://h.example/", Domains: all, Networks: []string{"127.0.0.0/8", "10.0.0.0/8"}}), false, "in the clear"},
		{web(configfile.HTTPSource{URL: "http://h.example/", Domains: all, Networks: []string{"10.0.0.1"}}), false, "no prefix"},
		{web(configfile.HTTPSource{URL: "ftp://h.example/", Domains: all}), false, "url: write"},
		{web(configfile.HTTPSource{URL: "https://u:p@h.example/", Domains: all}), false, "url: write"},
		{web(configfile.HTTPSource{URL: "https://h.example/a/../b", Domains: all}), false, "dotted"},
		{web(configfile.HTTPSource{URL: "https://h.example/?x", Domains: all}), false, "url: write"},
		{web(configfile.HTTPSource{URL: "http://h.example:80/", Domains: all}), true, "not a loopback"},
		{web(configfile.HTTPSource{URL: "http://127.0.0.1/", Domains: all}), true, "with a port"},
		{web(configfile.HTTPSource{URL: "http://127.0.0.1.evil.example:80/", Domains: all}), true, "not a loopback"},
		{store(func(s *configfile.S3Source) { s.Endpoint = "https://s3.example/path" }), false, "endpoint"},
		{store(func(s *configfile.S3Source) { s.Region = "" }), false, "region"},
		{store(func(s *configfile.S3Source) { s.Buckets = nil }), false, "buckets"},
		{store(func(s *configfile.S3Source) { s.Buckets = []string{"tracks", "b"} }), false, `bucket "b"`},
		{store(func(s *configfile.S3Source) { s.Buckets = []string{"tracks/x"} }), false, `bucket "tracks/x"`},
		{store(func(s *configfile.S3Source) { s.Endpoint = "https://-s3.example" }), false, "endpoint"},
		{store(func(s *configfile.S3Source) { s.Endpoint = "https://s3.amazonaws.com" }), false, "instead of"},
		{store(func(s *configfile.S3Source) { s.Endpoint = "https://s3.eu-west-1.amazonaws.com" }), false, "instead of"}, // signed for another region
		{store(func(s *configfile.S3Source) {
			s.Endpoint, s.Region, s.Buckets = "https://s3.us-east-1.amazonaws.com", "us-east-1", []string{"tracks--use1-az4--x-s3"} // asks for a session first
		}), false, "instead of"},
		{store(func(s *configfile.S3Source) { s.AccessKeyFile = "" }), false, "access_key_file"},
		{store(func(s *configfile.S3Source) { s.SecretKeyFile = ca }), false, "one line"},
		{store(func(s *configfile.S3Source) { s.SecretKeyFile = large }), false, "larger than"},
		{store(func(s *configfile.S3Source) { s.Domains = nil }), false, "s3[0]: domains"},
		{store(func(*configfile.S3Source) {}), true, "not a loopback"},
		{configfile.Gateway{FilterMemoryMiB: 72}, false, "not between 73"},
		{configfile.Gateway{FilterMemoryMiB: -1}, false, "not between 73"},
		{configfile.Gateway{FilterMemoryMiB: math.MaxInt}, false, "not between 73"},
		{dir(configfile.DirectorySource{Path: "/", Domains: all}), false, "path"},
		{dir(configfile.DirectorySource{Path: "data", Domains: all}), false, "path"},
		{dir(configfile.DirectorySource{Path: "/data/../etc", Domains: all}), false, "path"},
		{dir(configfile.DirectorySource{Path: "/data"}), false, "domains"},
	} {
		if _, err := gateway.NewSources(c.config, c.dev); err == nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "gateway: ") {
			t.Errorf("%+v: got %v, want %q in it", c.config, err, c.want)
		}
	}
}

// TestStoresOfAmazon are called by the name that is written, though the client
// knows others for them.
func TestStoresOfAmazon(t *testing.T) {
	t.Parallel()
	ca, key := write(t, "ca.pem", otherAnchor(t)), write(t, "key", "word\n")
	for host, region := range map[string]string{
		"s3.eu-west-1.amazonaws.com": "eu-west-1", "s3.us-gov-west-1.amazonaws.com": "us-gov-west-1", "s3.dualstack.eu-west-1.amazonaws.com": "eu-west-1",
		"s3-fips.us-gov-east-1.amazonaws.com": "us-gov-east-1", "bucket.vpce-1a2b3c4d-5e6f.s3.us-east-1.vpce.amazonaws.com": "us-east-1",
		"s3.us-iso-east-1.c2s.ic.gov": "us-iso-east-1", "S3.Enclave.example:443": "r",
	} {
		for _, style := range []bool{true, false} {
			config := configfile.Gateway{S3: []configfile.S3Source{{
				Endpoint: "https://" + host, Region: region, Buckets: []string{"tracks"}, AccessKeyFile: key, SecretKeyFile: key, Domains: []string{"*"}, CAFiles: []string{ca}, PathStyle: style,
			}}}
			if _, err := gateway.NewSources(config, false); err != nil {
				t.Errorf("%s: %v", host, err)
			}
		}
	}
}

// otherAnchor is a certificate that vouches for nobody here.
func otherAnchor(t *testing.T) string {
	t.Helper()
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: selfSigned(t)}))
}
