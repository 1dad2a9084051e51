package differential_test

import (
	"context"

	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"google.golang.org/grpc/metadata"
)

// byRoute asks as an Envoy whose route names the product.
func (c caller) byRoute(ctx context.Context, r request) (bool, error) {
	return c.check(ctx, r, "/", map[string]string{"product": r.product, "action": r.action, "purpose": r.purpose})
}

// byPath asks as an Envoy whose path does.
func (c caller) byPath(ctx context.Context, r request) (bool, error) {
	return c.check(ctx, r, "/data/"+r.product+"/http/x", map[string]string{"purpose": r.purpose})
}

func (c caller) check(ctx context.Context, r request, path string, route map[string]string) (bool, error) {
	if c.admin != "" {
		ctx = metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+c.admin)
	}
	answer, err := c.envoy.Check(ctx, &authv3.CheckRequest{Attributes: &authv3.AttributeContext{
		ContextExtensions: route,
		Request: &authv3.AttributeContext_Request{Http: &authv3.AttributeContext_HttpRequest{
			Method: "GET", Path: path, Headers: map[string]string{"authorization": "Bearer " + r.token},
		}},
	}})
	return answer.GetOkResponse() != nil, err
}
