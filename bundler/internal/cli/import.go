package cli

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/importer"
)

// importing are the flags of import.
type importing struct {
	out, name, marking string
	force              bool
}

func importCommand() *cobra.Command {
	i := &importing{}
	command := &cobra.Command{
		Use:   "import FILE",
		Short: "Turn the manifest of another bundler into a bundle.yaml",
		Long: `Read a manifest of Hauler, a Zarf package, an image set configuration of
oc-mirror, a source file of skopeo sync or an image lock of imgpkg, and write a
bundle.yaml. What cannot be taken over is listed, with the reason; secrets are
never copied.`,
		Example: `  datamesh-bundler import hauler.yaml --out bundle.yaml
  datamesh-bundler import zarf.yaml --marking 'SECRET//NOFORN' | less`,
		Args: cobra.ExactArgs(1),
		RunE: action(func(c *cobra.Command, args []string) error { return i.run(c, args[0]) }),
	}
	f := command.Flags()
	f.StringVar(&i.out, "out", "", "write to this `FILE`; without it to standard output")
	f.StringVar(&i.name, "name", "", "`NAME` of the bundle; without it that of the manifest")
	f.StringVar(&i.marking, "marking", "", "`BANNER` of the bundle; without it UNCLASSIFIED, and a note that somebody must decide")
	f.BoolVar(&i.force, "force", false, "replace the file that --out names")
	return command
}

func (i *importing) run(c *cobra.Command, path string) error {
	text, err := readSmall(path)
	if err != nil {
		return err
	}
	result, err := importer.Import(text, importer.Options{Source: filepath.Base(path), Name: i.name, Marking: i.marking})
	if result != nil {
		for _, note := range result.Notes {
			say(c.ErrOrStderr(), "%s: %s", path, note)
		}
	}
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if i.out == "" {
		_, err := c.OutOrStdout().Write(result.Text)
		return err
	}
	if _, err := os.Lstat(i.out); !errors.Is(err, os.ErrNotExist) && !i.force {
		return fmt.Errorf("%s exists: name another file, or replace it with --force", i.out)
	}
	if err := replaceFile(i.out, result.Text); err != nil {
		return err
	}
	say(c.OutOrStdout(), "%s: from a manifest of %s; read it, then run datamesh-bundler lock -f %s", i.out, result.Format, i.out)
	return nil
}
