package main

import (
	"fmt"
	"net/url"
	"path/filepath"
	"strings"

	"github.com/spf13/pflag"

	"github.com/meshwright/terraform-provider-datamesh/internal/platform/configfile"
)

// gatewayFlag collects sources of the gateway for a development server: URLs of
// loopback web servers, and folders. They serve the products of every domain.
type gatewayFlag struct{ *configfile.Gateway }

func registerGateway(flags *pflag.FlagSet, g *configfile.Gateway) {
	flags.Var(gatewayFlag{g}, "gateway-source", "`source` of the gateway below /data: http://127.0.0.1:port/path, or file:///folder; may be repeated (default: none)")
}

// Set implements [pflag.Value].
func (f gatewayFlag) Set(text string) error {
	u, err := url.Parse(text)
	everyone := []string{"*"}
	switch {
	case err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "":
		f.HTTP = append(f.HTTP, configfile.HTTPSource{URL: text, Domains: everyone})
	case err == nil && u.Scheme == "file" && u.Host == "" && strings.HasPrefix(u.Path, "/"):
		f.Directories = append(f.Directories, configfile.DirectorySource{Path: filepath.Clean(u.Path), Domains: everyone})
	default:
		return fmt.Errorf("%.80q is no source: write http://127.0.0.1:port/path or file:///folder", text)
	}
	return nil
}

// Type implements [pflag.Value].
func (f gatewayFlag) Type() string { return "source" }

// String implements [pflag.Value].
func (f gatewayFlag) String() string { return "" }
