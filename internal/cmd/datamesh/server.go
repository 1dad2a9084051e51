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
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/platformd"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/registryapi"
)

const serverHelp = `Serve the platform: catalogue, rules and audit log, on an embedded database,
with a schema registry for unmodified clients below /schema-registry.

Development mode is the only mode: the server has its own throw-away issuer
and no TLS, so it listens on loopback addresses only. The ready file holds an
administrator's token. Whoever can read the data directory is an administrator.

Log lines go to standard error. SIGINT or SIGTERM ends the server; requests
under way have 10 seconds to finish.`

const serverExample = `  # A platform that is gone when it ends
  datamesh server --dev --ready-file ready.json

  # A platform that keeps its data, on a fixed port
  datamesh server --dev --data ./mesh --listen 127.0.0.1:8080 --ready-file ready.json

  # Point Terraform at it
  export DATAMESH_ENDPOINT=$(jq -r .endpoint ready.json) DATAMESH_TOKEN=$(jq -r .token ready.json)`

func serverCommand() *cobra.Command {
	var config platformd.Config
	var format string
	var vocabulary vocabularyFlag
	command := &cobra.Command{
		Use:     "server --dev",
		Short:   "Serve the platform on an embedded database",
		Long:    serverHelp,
		Example: serverExample,
		Args:    cobra.NoArgs,
	}
	flags := command.Flags()
	flags.BoolVar(&config.Dev, "dev", false, "development mode: throw-away issuer, no TLS, loopback only")
	flags.StringVar(&config.DataDir, "data", "", "data `directory`, created when absent (default: a temporary one, removed at the end)")
	flags.StringVar(&config.Listen, "listen", platformd.DefaultListen, "loopback `address` and port; port 0 is any free one")
	flags.StringVar(&config.ReadyFile, "ready-file", "", "`file` to write endpoint, token and process id to, as JSON, once the server serves")
	flags.IntVar(&config.IncompatibleCode, "registry-incompatible-code", registryapi.IncompatibleCode,
		"error `code` of the schema registry for an incompatible schema: 409, or 40901 for clients of Confluent's newest")
	flags.StringVar(&config.SystemHigh, "system-high", "", "`marking` that this system is accredited for; data above it is given to nobody (default: no limit)")
	registerGateway(flags, &config.Gateway)
	vocabulary.register(flags)
	flags.StringVar(&format, "log-format", "text", "text or json")
	command.RunE = func(c *cobra.Command, _ []string) error {
		if !config.Dev {
			return commandline.Misuse(c, errors.New("development mode is the only one: say --dev"))
		}
		log, err := newLog(format, c.ErrOrStderr())
		if err != nil {
			return commandline.Misuse(c, err)
		}
		config.Log, config.Version = log, version
		if config.Vocabulary, err = vocabulary.load(); err != nil {
			return err
		}
		return serve(c.Context(), config, c.ErrOrStderr())
	}
	return command
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
	if err := announce(errOut, server); err != nil {
		return err
	}
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
