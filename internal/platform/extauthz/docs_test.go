package extauthz_test

import (
	"encoding/json"
	"errors"
	"os"
	"regexp"
	"strings"
	"testing"

	extauthzv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/ext_authz/v3"
	"go.yaml.in/yaml/v3"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/meshwright/terraform-provider-datamesh/internal/platform/extauthz"
)

var yamlBlock = regexp.MustCompile("(?s)```yaml\n(.*?)```")

// read reads what Envoy's configuration calls a typed_config, as Envoy does.
func read(t *testing.T, value any, into proto.Message) {
	t.Helper()
	body, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	var typed anypb.Any
	if err := protojson.Unmarshal(body, &typed); err != nil {
		t.Fatalf("%s: %v", body, err)
	}
	if err := typed.UnmarshalTo(into); err != nil {
		t.Fatal(err)
	}
}

// TestEnvoyPageIsTrue: the configuration in docs/envoy.md is one that Envoy's
// own messages take, closed when the platform fails, and what is promised of
// headers is so.
func TestEnvoyPageIsTrue(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../../docs/envoy.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := yamlBlock.FindAllStringSubmatch(string(page), -1)
	if len(blocks) != 2 {
		t.Fatalf("the page has %d pieces of configuration, want 2", len(blocks))
	}
	var filter, perRoute map[string]any
	if err := errors.Join(yaml.Unmarshal([]byte(blocks[0][1]), &filter), yaml.Unmarshal([]byte(blocks[1][1]), &perRoute)); err != nil {
		t.Fatal(err)
	}
	var config extauthzv3.ExtAuthz
	read(t, filter["typed_config"], &config)
	if err := config.ValidateAll(); err != nil || config.GetFailureModeAllow() || !config.GetIncludePeerCertificate() || config.GetGrpcService() == nil {
		t.Errorf("the filter is %v, %v", &config, err)
	}
	var route extauthzv3.ExtAuthzPerRoute
	read(t, perRoute, &route)
	if err := route.ValidateAll(); err != nil || route.GetCheckSettings().GetContextExtensions()["product"] == "" {
		t.Errorf("the route is %v, %v", &route, err)
	}
	for _, header := range []string{extauthz.SubjectHeader, extauthz.ObligationsHeader} {
		if !strings.Contains(string(page), "`"+header+"`") {
			t.Errorf("the page says nothing of %s", header)
		}
	}
}
