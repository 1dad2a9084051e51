// Command providerschema prints the provider's schema in the JSON format of
// `terraform providers schema -json`, taken from the provider itself. The
// documentation generator reads it, so the generated pages hold every kind of
// object whatever Terraform or OpenTofu is at hand: older ones leave out list
// resources and identities, and none is needed at all.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"

	"github.com/meshwright/terraform-provider-datamesh/provider"
)

// key is where the documentation generator looks for the provider's schema.
const key = "datamesh"

func main() {
	if err := run(context.Background(), os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "providerschema:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out io.Writer) error {
	server, err := providerserver.NewProtocol6WithError(provider.New("schema")())()
	if err != nil {
		return fmt.Errorf("starting the provider: %w", err)
	}
	schemas, err := read(ctx, server)
	if err != nil {
		return err
	}
	encoder := json.NewEncoder(out)
	encoder.SetIndent("", "  ")
	return encoder.Encode(schemas)
}

// failed is the provider's own complaint about its schema, nil when it has none.
func failed(diagnostics []*tfprotov6.Diagnostic) error {
	var all []error
	for _, d := range diagnostics {
		if d.Severity == tfprotov6.DiagnosticSeverityError {
			all = append(all, fmt.Errorf("%s: %s", d.Summary, d.Detail))
		}
	}
	return errors.Join(all...)
}
