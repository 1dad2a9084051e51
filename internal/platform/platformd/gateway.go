package platformd

import (
	"context"
	"net/http"

	"github.com/meshwright/terraform-provider-datamesh/internal/platform/gateway"
)

// openGateway reads where data may be fetched from.
func (s *Server) openGateway(context.Context) (err error) {
	s.sources, err = gateway.NewSources(s.config.Gateway, s.config.Dev)
	return err
}

// gateway is the interface through which the data of products is read.
func (s *Server) gateway() http.Handler {
	return gateway.New(gateway.Options{
		Data:         s.platform.Data,
		Sources:      s.sources,
		Authenticate: s.authenticate,
		Log:          s.config.Log,
	})
}
