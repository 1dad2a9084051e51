package main

import (
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/spf13/cobra"

	"github.com/meshwright/terraform-provider-datamesh/internal/commandline"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/devissuer"
)

const tokenHelp = `Print a token of the throw-away issuer of a data directory, and nothing else.

The token speaks for one person or service and is never an administrator's:
that one stands in the ready file of the server. Values are checked against the
marking vocabulary. The server must have run on the data directory once; it
accepts the token at once and until the token ends.`

//nolint:gosec // the example mints its token
const tokenExample = `  # A British analyst cleared for SECRET
  datamesh token --data ./mesh --subject a.stone --clearance S --country GBR --organization GBR.MOD

  # The same with two read-ins and a group, for an hour
  datamesh token --data ./mesh --subject a.stone --clearance TS --country GBR --organization GBR.MOD \
    --access SI,TK --group sigint --ttl 1h

  # Ask as this analyst
  curl -H "Authorization: Bearer $(datamesh token --data ./mesh --subject a.stone)" \
    "$DATAMESH_ENDPOINT/api/v1/products"`

func tokenCommand() *cobra.Command {
	var dir string
	var ttl time.Duration
	var claims devissuer.Claims
	var vocabulary vocabularyFlag
	command := &cobra.Command{
		Use:     "token --data DIR --subject NAME",
		Short:   "Print a token of the dev issuer",
		Long:    tokenHelp,
		Example: tokenExample,
		Args:    cobra.NoArgs,
	}
	flags, attributes := command.Flags(), &claims.Attributes
	flags.StringVar(&dir, "data", "", "data `directory` of the server")
	flags.StringVar(&claims.Subject, "subject", "", "`name` of the bearer, as in a domain's team")
	flags.StringVar(&attributes.Clearance, "clearance", "", "`level` of clearance: U, C, S or TS")
	flags.StringSliceVar(&attributes.CountryOfAffiliation, "country", nil, "`nations` of affiliation, as GENC trigraphs")
	flags.StringSliceVar(&attributes.FineAccessControls, "access", nil, "read-ins: control systems, compartments and others, such as `SI,TK`")
	flags.StringVar(&attributes.DutyOrganization, "organization", "", "`organisation` of duty, such as GBR.MOD")
	flags.StringVar(&attributes.EmploymentType, "employment", "", "`type` of employment, such as gov or contractor")
	flags.StringSliceVar(&claims.Purposes, "purpose", nil, "`purposes` that the bearer may use data for, as caveat policies name them")
	flags.StringSliceVar(&claims.Groups, "group", nil, "`groups` of the bearer")
	vocabulary.register(flags)
	flags.DurationVar(&ttl, "ttl", 12*time.Hour, "how long the token is good, at most 720h")
	command.RunE = func(c *cobra.Command, _ []string) error {
		if dir == "" || claims.Subject == "" {
			return commandline.Misuse(c, errors.New("--data and --subject are needed"))
		}
		known, err := vocabulary.load()
		if err != nil {
			return err
		}
		if err := checkClaims(known, claims); err != nil {
			return commandline.Misuse(c, err)
		}
		token, err := mint(dir, claims, ttl)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintln(c.OutOrStdout(), token)
		return err
	}
	return command
}

// mint creates nothing: a directory that is not a server's stays as it is.
func mint(dir string, claims devissuer.Claims, ttl time.Duration) (string, error) {
	issuer, err := devissuer.Load(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("%s is not the data directory of a development server: start `datamesh server --dev --data %s` first", dir, dir)
	}
	if err != nil {
		return "", err
	}
	return issuer.Mint(claims, ttl)
}
