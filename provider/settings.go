package provider

import (
	"context"
	"fmt"
	"os"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/provider"
	"github.com/hashicorp/terraform-plugin-framework/provider/schema"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/meshwright/terraform-provider-datamesh/internal/client"
	"github.com/meshwright/terraform-provider-datamesh/provider/vocabulary"
)

// Schema implements [provider.Provider].
func (*datamesh) Schema(_ context.Context, _ provider.SchemaRequest, resp *provider.SchemaResponse) {
	resp.Schema = schema.Schema{
		MarkdownDescription: "Declares a data mesh: domains, schemas, caveat policies, service levels and data products. " +
			"A plan already knows what the platform would refuse.\n\nPlan and apply judge markings by the vocabulary that the platform has in force. Functions and `terraform validate` " +
			"cannot ask it: they judge by the one that is built in, or by the file that `" + vocabulary.Variable + "` names. Where that is another one, a plan says so.",
		Attributes: map[string]schema.Attribute{
			"endpoint": text("URL of the platform, such as `https://mesh.example`. Also `DATAMESH_ENDPOINT`."),
			"token": schema.StringAttribute{
				Optional: true, Sensitive: true,
				MarkdownDescription: "Bearer token. Also `DATAMESH_TOKEN`. Prefer the environment or `token_file`: what is written here ends in version control.",
			},
			"token_file": text("File that holds the bearer token. It is read again when the platform refuses the token, so another process may renew it. " +
				"Excludes `token`, and wins over `DATAMESH_TOKEN`."),
			"ca_file": text("File with the certificate authorities to trust, in PEM, instead of the system's. Also `DATAMESH_CA_FILE`."),
			"client_cert_file": text("File with the client certificate and its chain, in PEM, for mutual TLS. Needs `client_key_file`. " +
				"Also `DATAMESH_CLIENT_CERT_FILE`."),
			"client_key_file": text("File with the key of the client certificate, in PEM. Also `DATAMESH_CLIENT_KEY_FILE`."),
			"proxy_url": text("Proxy for all requests but those to this machine, such as `http://proxy.example:3128`. " +
				"By default what `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY` say."),
			"max_requests_per_second": schema.Float64Attribute{
				Optional:            true,
				MarkdownDescription: "Most requests to send in a second, repeats included. Not bounded when not set.",
			},
		},
	}
}

func text(description string) schema.StringAttribute {
	return schema.StringAttribute{Optional: true, MarkdownDescription: description}
}

type model struct {
	Endpoint             types.String  `tfsdk:"endpoint"`
	Token                types.String  `tfsdk:"token"`
	TokenFile            types.String  `tfsdk:"token_file"`
	CAFile               types.String  `tfsdk:"ca_file"`
	ClientCertFile       types.String  `tfsdk:"client_cert_file"`
	ClientKeyFile        types.String  `tfsdk:"client_key_file"`
	ProxyURL             types.String  `tfsdk:"proxy_url"`
	MaxRequestsPerSecond types.Float64 `tfsdk:"max_requests_per_second"`
}

// ValidateConfig implements [provider.ProviderWithValidateConfig].
func (*datamesh) ValidateConfig(ctx context.Context, req provider.ValidateConfigRequest, resp *provider.ValidateConfigResponse) {
	if _, err := vocabulary.Current(); err != nil {
		resp.Diagnostics.AddError("Invalid vocabulary", err.Error()+".")
	}
	var m model
	resp.Diagnostics.Append(req.Config.Get(ctx, &m)...)
	if resp.Diagnostics.HasError() {
		return
	}
	if !m.Token.IsNull() && !m.TokenFile.IsNull() {
		resp.Diagnostics.AddAttributeError(path.Root("token_file"), "token and token_file exclude each other",
			"Remove one of them. token_file is the better one: its token can be renewed while Terraform runs.")
	}
	if m.ClientCertFile.IsNull() && os.Getenv("DATAMESH_CLIENT_CERT_FILE") == "" && !m.ClientKeyFile.IsNull() {
		resp.Diagnostics.AddAttributeError(path.Root("client_key_file"), "client_cert_file is missing",
			"A client key needs its certificate: set client_cert_file or DATAMESH_CLIENT_CERT_FILE.")
	}
	if limit := m.MaxRequestsPerSecond; !limit.IsNull() && !limit.IsUnknown() && limit.ValueFloat64() <= 0 {
		resp.Diagnostics.AddAttributeError(path.Root("max_requests_per_second"), "The bound is not above zero",
			"Write how many requests may be sent in a second, such as 20, or leave it out for no bound.")
	}
}

// settings is the configuration with what the environment adds.
type settings struct {
	endpoint string
	client   client.Options
}

// readSettings needs every value to be known: Terraform calls Configure with
// unknown ones when they come from a resource that is not there yet.
func readSettings(ctx context.Context, config tfsdk.Config) (settings, diag.Diagnostics) {
	var m model
	diags := config.Get(ctx, &m)
	diags.Append(m.unknown()...)
	if diags.HasError() {
		return settings{}, diags
	}
	s := settings{endpoint: or(m.Endpoint, "DATAMESH_ENDPOINT")}
	s.client = client.Options{
		Token:                m.Token.ValueString(),
		TokenFile:            m.TokenFile.ValueString(),
		CAFile:               or(m.CAFile, "DATAMESH_CA_FILE"),
		ClientCertFile:       or(m.ClientCertFile, "DATAMESH_CLIENT_CERT_FILE"),
		ClientKeyFile:        or(m.ClientKeyFile, "DATAMESH_CLIENT_KEY_FILE"),
		ProxyURL:             m.ProxyURL.ValueString(),
		MaxRequestsPerSecond: m.MaxRequestsPerSecond.ValueFloat64(),
		TraceParent:          os.Getenv("TRACEPARENT"),
		Log:                  logAttempt,
	}
	if s.client.Token == "" && s.client.TokenFile == "" {
		s.client.Token = os.Getenv("DATAMESH_TOKEN")
	}
	if s.endpoint == "" {
		diags.AddAttributeError(path.Root("endpoint"), "The platform's endpoint is missing",
			"Set endpoint in the provider block, or DATAMESH_ENDPOINT in the environment, to a URL such as https://mesh.example.")
	}
	return s, diags
}

func (s settings) options(version, terraformVersion string) client.Options {
	o := s.client
	o.UserAgent = fmt.Sprintf("terraform-provider-datamesh/%s terraform/%s", version, terraformVersion)
	return o
}

func (m model) unknown() diag.Diagnostics {
	var out diag.Diagnostics
	for name, unknown := range map[string]bool{
		"endpoint": m.Endpoint.IsUnknown(), "token": m.Token.IsUnknown(), "token_file": m.TokenFile.IsUnknown(),
		"ca_file": m.CAFile.IsUnknown(), "client_cert_file": m.ClientCertFile.IsUnknown(), "client_key_file": m.ClientKeyFile.IsUnknown(),
		"proxy_url": m.ProxyURL.IsUnknown(), "max_requests_per_second": m.MaxRequestsPerSecond.IsUnknown(),
	} {
		if unknown {
			out.AddAttributeError(path.Root(name), name+" is not known yet",
				"It comes from something that is only created by this apply, and without it the platform cannot be asked. "+
					"Apply that first, with -target, or take the value from a variable or the environment.")
		}
	}
	return out
}

// or is the attribute, or else the environment variable.
func or(attribute types.String, variable string) string {
	if !attribute.IsNull() {
		return attribute.ValueString()
	}
	return os.Getenv(variable)
}
