package differential_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/meshwright/terraform-provider-datamesh/internal/platform/gateway"
)

// fetches asks for the data itself, as the subject.
func (c caller) fetches(ctx context.Context, r request) (bool, error) {
	get, err := http.NewRequestWithContext(ctx, http.MethodGet, c.endpoint+"/data/"+strings.ReplaceAll(r.product, " ", "%20")+"/http", nil)
	if err != nil {
		return false, err
	}
	get.Header.Set("Authorization", "Bearer "+r.token)
	if r.purpose != "" {
		get.Header.Set(gateway.PurposeHeader, r.purpose)
	}
	response, err := c.client.Do(get)
	if err != nil {
		return false, err
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	switch response.StatusCode {
	case http.StatusOK:
		return string(text) == delivered, err
	case http.StatusForbidden, http.StatusNotFound, http.StatusBadRequest:
		return false, err
	}
	return false, fmt.Errorf("%s: %s", response.Status, text)
}
