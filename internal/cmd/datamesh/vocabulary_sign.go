package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/endorsement"
)

// maxKeyFile is the longest file of a key, in bytes.
const maxKeyFile = 1 << 10

func vocabularyKeyCommand() *cobra.Command {
	var name string
	command := &cobra.Command{
		Use:   "key --name NAME FILE",
		Short: "Make the key of a vocabulary authority",
		Long: `Make an Ed25519 key for "datamesh vocabulary sign", write it to a new file that
only you can read, and print the public key (C2SP signed-note) for
vocabulary_keys in the configuration of the server. It needs no network: make
it where it is to stay.`,
		Example: `  datamesh vocabulary key --name vocabulary.enclave.example authority.key > authority.pub`,
		Args:    cobra.ExactArgs(1),
	}
	command.Flags().StringVar(&name, "name", "", "`name` of the authority, without spaces and plus signs")
	command.RunE = func(c *cobra.Command, args []string) error {
		secret, public, err := endorsement.GenerateKey(name)
		if err != nil {
			return fmt.Errorf("--name: %w", err)
		}
		if err := createSecret(args[0], secret+"\n"); err != nil {
			return err
		}
		_, err = fmt.Fprintln(c.OutOrStdout(), public)
		return err
	}
	return command
}

// createSecret writes a file that was not there before.
func createSecret(name, text string) error {
	file, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600) //nolint:gosec // the user names the file
	if err != nil {
		return err
	}
	_, err = file.WriteString(text)
	if err = errors.Join(err, file.Sync(), file.Close()); err != nil {
		return errors.Join(err, os.Remove(name))
	}
	return nil
}

func vocabularySignCommand() *cobra.Command {
	var key string
	command := &cobra.Command{
		Use:   "sign --key FILE VOCABULARY",
		Short: "Sign a vocabulary that may come into force",
		Long: `Sign a vocabulary as an authority: print a signed note (C2SP signed-note) about
its version and the SHA-256 of its canonical form, for "datamesh vocabulary
apply --signature". Look at it first with "datamesh vocabulary diff": the
signature is good for as long as the key is trusted, on every platform that
trusts it. It needs no network.`,
		Example: `  datamesh vocabulary diff old.json vocabulary.json
  datamesh vocabulary sign --key authority.key vocabulary.json > vocabulary.sig`,
		Args: cobra.ExactArgs(1),
	}
	command.Flags().StringVar(&key, "key", "", "`file` with the key of the authority")
	command.RunE = func(c *cobra.Command, args []string) error {
		v, err := readVocabulary(args[0])
		if err != nil {
			return err
		}
		secret, err := readUpTo(key, maxKeyFile)
		if err != nil {
			return fmt.Errorf("--key: %w", err)
		}
		signed, err := endorsement.Sign(v, string(secret))
		if err != nil {
			return fmt.Errorf("--key %s: %w", key, err)
		}
		_, err = c.OutOrStdout().Write(signed)
		return err
	}
	return command
}

// readEndorsement reads a signed note, "" when no file is named.
func readEndorsement(name string) (string, error) {
	if name == "" {
		return "", nil
	}
	text, err := readUpTo(name, catalog.MaxEndorsement)
	switch {
	case err != nil:
		return "", fmt.Errorf("--signature: %w", err)
	case len(text) == 0:
		return "", fmt.Errorf("--signature: %s is empty", name)
	}
	return string(text), nil
}
