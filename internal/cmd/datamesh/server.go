package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/meshwright/terraform-provider-datamesh/internal/commandline"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/configfile"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/platformd"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/registryapi"
)

const serverHelp = `Serve the platform: catalogue, rules and audit log, on an embedded database,
with a schema registry for unmodified clients below /schema-registry.

In production (--config) the server speaks TLS 1.3, and believes the issuers,
authorities and services that the configuration names: not those of the
system. Keys, certificates, revocation lists and key sets are read again when
their files change; all else takes effect with a restart.

In development mode (--dev) the server has its own throw-away issuer and no
TLS, so it listens on loopback addresses only. The ready file holds an
administrator's token. Whoever can read the data directory is an administrator.

Log lines go to standard error. SIGINT or SIGTERM ends the server; requests
under way have 7 seconds to finish, and 3 more to record how they ended.

A configuration is one YAML file. Names of files count from its folder:

` + exampleConfiguration

// exampleConfiguration is a whole configuration, and a valid one.
const exampleConfiguration = `  listen: 0.0.0.0:8443
  public_url: https://mesh.enclave.example:8443
  connections_per_address: 256                 # of 1024; more where all come by one proxy
  data_dir: /var/lib/datamesh
  node: spiffe://enclave.example/mesh-1        # names this server in the audit log
  system_high: SECRET//REL TO USA, FVEY        # nothing above is given to anybody
  vocabulary_keys: []                          # who must sign an update; see vocabulary key
  tls:
    certificate_file: tls/server.pem           # with its intermediates
    key_file: tls/server.key
    client_ca_files: [tls/clients.pem]         # the only anchors of clients
    crl_files: [tls/root.crl, tls/issuing.crl] # one for each authority
  issuers:
    - issuer: https://idp.enclave.example/realms/mesh
      ca_files: [tls/idp.pem]                  # discovery; or jwks_file, offline
      audiences: [datamesh]
      algorithms: [ES256, PS256]
      claims:                                  # where its tokens say what
        clearance: clearance
        countries: attributes.countries
        read_ins: attributes.read_ins
        organization: organization
        employment: employment
        groups: groups
        administrator_group: mesh-administrators
      values:                                  # what they stand for, where they are not ours
        clearance: {table: {SECRET: S, TOP SECRET: TS}}
        read_ins: {strip_prefix: /readin/, table: {ALPHA: SI}}
    - issuer: https://idp.partner.example
      name: partner                            # its subjects are partner/...
      jwks_file: partner.jwks
      audiences: [datamesh]
      algorithms: [EdDSA]
      claims: {clearance: clearance, countries: nationality}
  services:                                    # known by client certificate
    - identity: spiffe://enclave.example/portal
      acts_for: true                           # may send the tokens of users
      clearance: S
      countries: [USA]
      organization: USA.DOD
      employment: gov
  enforcement_points:                          # may ask about others
    - issuer: urn:datamesh:services
      subject: spiffe://enclave.example/portal
  gateway:                                     # where data may be fetched from
    s3:
      - endpoint: https://s3.enclave.example
        region: eu-1
        path_style: true
        buckets: [sigint-tracks]
        domains: [sigint]                      # whose products it may serve
        access_key_file: s3/access.key
        secret_key_file: s3/secret.key
        ca_files: [s3/ca.pem]
    directories:
      - path: /srv/open-reports
        domains: [osint]
  audit:                                       # who else keeps the audit log
    witnesses:
      quorum: 1                                # of those below; all when left out
      members:
        - url: https://witness.agency.example
          key: witness.agency.example+5a1cf8b2+BJ...
          ca_files: [witness-ca.pem]
    copy:
      endpoint: https://s3.agency.example
      bucket: audit-copy                       # made with Object Lock
      access_key_file: s3-access.key
      secret_key_file: s3-secret.key
      ca_files: [s3-ca.pem]
      retention_days: 1825
`

const serverExample = `  # A platform that is gone when it ends
  datamesh server --dev --ready-file ready.json

  # A platform that keeps its data, on a fixed port
  datamesh server --dev --data ./mesh --listen 127.0.0.1:8080 --ready-file ready.json

  # Point Terraform at it
  export DATAMESH_ENDPOINT=$(jq -r .endpoint ready.json) DATAMESH_TOKEN=$(jq -r .token ready.json)

  # Production
  datamesh server --config /etc/datamesh/server.yaml --log-format json`

// serverFlags are what a server is asked for on the command line.
type serverFlags struct {
	platformd.Config
	file       string // configuration
	format     string
	vocabulary vocabularyFlag
}

// developmentOnly are flags whose place in production is the configuration.
var developmentOnly = []string{"data", "gateway-source", "listen", "system-high", "vocabulary"}

func serverCommand() *cobra.Command {
	var f serverFlags
	command := &cobra.Command{
		Use:     "server {--config FILE | --dev}",
		Short:   "Serve the platform on an embedded database",
		Long:    serverHelp,
		Example: serverExample,
		Args:    cobra.NoArgs,
	}
	flags := command.Flags()
	flags.StringVar(&f.file, "config", "", "production mode, by this configuration `file`")
	flags.BoolVar(&f.Dev, "dev", false, "development mode: throw-away issuer, no TLS, loopback only")
	flags.StringVar(&f.DataDir, "data", "", "data `directory`, created when absent (default: a temporary one, removed at the end)")
	flags.StringVar(&f.Listen, "listen", platformd.DefaultListen, "loopback `address` and port; port 0 is any free one")
	flags.StringVar(&f.ReadyFile, "ready-file", "", "`file` to write endpoint and process id to, and in development mode a token, as JSON, once the server serves")
	flags.IntVar(&f.IncompatibleCode, "registry-incompatible-code", registryapi.IncompatibleCode,
		"error `code` of the schema registry for an incompatible schema: 409, or 40901 for clients of Confluent's newest")
	flags.StringVar(&f.SystemHigh, "system-high", "", "`marking` that this system is accredited for; data above it is given to nobody (default: no limit)")
	registerGateway(flags, &f.Gateway)
	f.vocabulary.register(flags)
	flags.StringVar(&f.format, "log-format", "text", "text or json")
	command.RunE = func(c *cobra.Command, _ []string) error {
		config, err := f.configuration(c)
		if err != nil {
			return err
		}
		return serve(c.Context(), config, c.ErrOrStderr())
	}
	return command
}

// configuration is what the flags, and the file that they may name, ask for.
func (f *serverFlags) configuration(c *cobra.Command) (platformd.Config, error) {
	if f.Dev == (f.file != "") {
		return platformd.Config{}, commandline.Misuse(c, errors.New("choose a mode: --config FILE for production or --dev for development"))
	}
	log, err := newLog(f.format, c.ErrOrStderr())
	if err != nil {
		return platformd.Config{}, commandline.Misuse(c, err)
	}
	config := f.Config
	if f.Dev {
		config.Vocabulary, err = f.vocabulary.load()
	} else {
		config, err = f.production(c)
	}
	config.Log, config.Version = log, version
	return config, err
}

func (f *serverFlags) production(c *cobra.Command) (platformd.Config, error) {
	for _, name := range developmentOnly {
		if c.Flags().Changed(name) {
			return platformd.Config{}, commandline.Misuse(c, fmt.Errorf("--%s goes with --dev: write it in the configuration", name))
		}
	}
	file, err := configfile.Read(f.file)
	if err != nil {
		return platformd.Config{}, err
	}
	config, err := platformd.Production(file)
	config.File, config.ReadyFile, config.IncompatibleCode = f.file, f.ReadyFile, f.IncompatibleCode
	return config, err
}

func newLog(format string, w io.Writer) (*slog.Logger, error) {
	switch format {
	case "text":
		return slog.New(slog.NewTextHandler(w, nil)), nil
	case "json":
		return slog.New(slog.NewJSONHandler(w, nil)), nil
	}
	return nil, fmt.Errorf("--log-format %.20q is not known: choose text or json", format)
}

// serve runs the server until it is told to end. A second signal ends the
// process at once.
func serve(ctx context.Context, config platformd.Config, errOut io.Writer) (err error) {
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)
	server, err := platformd.Open(ctx, config)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, server.Close()) }()
	if config.Dev {
		if err := announce(errOut, server); err != nil {
			return err
		}
	}
	config.Log.Info("serving", "endpoint", server.Endpoint(), "data_dir", server.DataDir())
	return server.Run(ctx)
}

func announce(w io.Writer, server *platformd.Server) error {
	_, err := fmt.Fprintf(w, `
*** DEVELOPMENT MODE: NOT FOR REAL DATA ***
Throw-away issuer, no TLS, loopback only. Whoever can read the data directory
or the ready file is an administrator.
  endpoint        %s
  data directory  %s

`, server.Endpoint(), server.DataDir())
	return err
}
