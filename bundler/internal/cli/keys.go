package cli

import (
	"errors"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/bundle"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/envelope"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/signing"
	"github.com/meshwright/terraform-provider-datamesh/internal/commandline"
)

func keygenCommand() *cobra.Command {
	var out, kind string
	command := &cobra.Command{
		Use:   "keygen --out NAME",
		Short: "Make a key that signs bundles or receipts",
		Long: `Write a private key to NAME.key, for its owner alone, and its public key to
NAME.pub. No file is ever overwritten. The key is not encrypted: keep it on a
medium that is, or sign with a token by --signer instead.`,
		Example: `  datamesh-bundler keygen --out packer
  datamesh-bundler keygen --out highside --type ecdsa-p384`,
		Args: cobra.NoArgs,
		RunE: action(func(c *cobra.Command, _ []string) error {
			if out == "" {
				return commandline.Misuse(c, errors.New("--out is missing: say what the key is called"))
			}
			key, err := signing.Generate(signing.Kind(kind))
			if err != nil {
				return commandline.Misuse(c, err)
			}
			id, err := signing.KeyID(key.Public())
			if err != nil {
				return err
			}
			if err := signing.WriteKey(out, key); err != nil {
				return err
			}
			say(c.OutOrStdout(), "%s.key signs, %s.pub is for those who trust it\n%s", out, out, id)
			return nil
		}),
	}
	command.Flags().StringVar(&out, "out", "", "`NAME` of the files, without .key and .pub")
	command.Flags().StringVar(&kind, "type", string(signing.Ed25519), "`KIND` of key: ed25519, ecdsa-p256 or ecdsa-p384")
	return command
}

// countersigning are the flags of countersign.
type countersigning struct{ trust, key, signer, public string }

func countersignCommand() *cobra.Command {
	s := &countersigning{}
	command := &cobra.Command{
		Use:   "countersign DIR --trust TRUST --key KEY",
		Short: "Add an officer's signature to the envelope of a bundle",
		Long: `Add a signature to an envelope whose packer is trusted. The bundle stays what it
is, and keeps its digest.

It is how a second officer accepts a rollback, on either side: the policy names
the officer under rollbackSigners, and load takes --accept-rollback. It is also
how a threshold of several bundleSigners is reached.`,
		Example: `  datamesh-bundler countersign /media/transfer --trust policy.yaml --key officer.key`,
		Args:    cobra.ExactArgs(1),
		RunE: action(func(c *cobra.Command, args []string) error {
			if s.trust == "" || (s.key == "") == (s.signer == "") {
				return commandline.Misuse(c, errors.New("name --trust, and a --key or a --signer with its --public-key"))
			}
			return s.run(c, args[0])
		}),
	}
	f := command.Flags()
	f.StringVar(&s.trust, "trust", "", "whom this side trusts: `TRUST`, a policy.yaml, a directory with one, or the public key of the packer")
	f.StringVar(&s.key, "key", "", "private key of the officer, a PEM `FILE`")
	f.StringVar(&s.signer, "signer", "", "program that signs instead of a key: `\"COMMAND ARG…\"`")
	f.StringVar(&s.public, "public-key", "", "public key of --signer, a PEM `FILE`")
	return command
}

func (s *countersigning) run(c *cobra.Command, dir string) error {
	t, err := openTrust(s.trust)
	if err != nil {
		return err
	}
	signer, err := openSigner(s.key, s.signer, s.public)
	if err != nil {
		return err
	}
	b, err := bundle.Open(dir, t.signers)
	if err != nil {
		return err
	}
	if err := b.Close(); err != nil {
		return err
	}
	text, err := envelope.Countersign(c.Context(), b.Raw, t.signers, signer)
	if err != nil {
		return err
	}
	if err := replaceFile(filepath.Join(dir, b.Envelope.EnvelopeName()), text); err != nil {
		return err
	}
	say(c.OutOrStdout(), "bundle %s, number %d of stream %s, %s, is signed by %s too", b.Envelope.Name, b.Envelope.Sequence, b.Envelope.Stream, b.Envelope.Marking, signer.KeyID())
	return nil
}
