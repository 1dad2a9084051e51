package platformd

import (
	"net/http"

	"github.com/meshwright/terraform-provider-datamesh/internal/platform/extauthz"
)

// envoys is the door for Envoy's external authorization. It is on the one
// listener: whoever may reach it has shown the same certificate there.
func (s *Server) envoys() http.Handler {
	return extauthz.New(extauthz.Options{
		Decisions:    s.platform.Decisions,
		Trusted:      s.platform.EnforcementPoint,
		Bearer:       s.bearer,
		Authenticate: s.authenticate,
		Log:          s.config.Log,
	})
}

// protocols are those of the listener. gRPC needs HTTP/2, also where there is
// no TLS to negotiate it, which is in development mode.
func protocols() *http.Protocols {
	var p http.Protocols
	p.SetHTTP1(true)
	p.SetHTTP2(true)
	p.SetUnencryptedHTTP2(true)
	return &p
}
