package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/artifact"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/load"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/receipt"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/signing"
)

// slip are the flags of the receipt.
type slip struct {
	path, key, site string
	qr              bool
}

func (s *slip) add(f flags) {
	f.StringVar(&s.path, "receipt", "", "write a signed receipt to this `FILE`, and the list of what this side holds to FILE.digests")
	f.StringVar(&s.key, "receipt-key", "", "private key that signs the receipt, a PEM `FILE`")
	f.StringVar(&s.site, "site", "", "`NAME` of this side in the receipt")
	f.BoolVar(&s.qr, "qr", false, "show the receipt as QR codes too, and write them beside it as FILE.png")
}

func (s *slip) checkReceipt() error {
	given := s.path != ""
	switch {
	case given != (s.key != "") || given != (s.site != ""):
		return errors.New("a receipt needs all of --receipt, --receipt-key and --site")
	case s.qr && !given:
		return errors.New("--qr shows a receipt: name its file with --receipt")
	}
	return nil
}

// openKey loads the key before anything is loaded: a load whose receipt cannot be
// signed is noticed at its start.
func (s *slip) openKey() (signing.Signer, error) {
	if s.path == "" {
		return nil, nil //nolint:nilnil // no receipt is asked for
	}
	return signing.Load(s.key)
}

// receive writes the receipt of a load. The list grows from load to load; it
// never names what failed, nor what a target cannot be asked for.
func (s *slip) receive(c *cobra.Command, r *loadRun, outcomes []load.Outcome, asked bool) error {
	if r.signer == nil {
		return nil
	}
	var arrived []artifact.Digest
	if asked {
		arrived = arrivedOf(r, outcomes)
	}
	list, err := s.grown(arrived)
	if err != nil {
		return err
	}
	held, err := list.Held()
	if err != nil {
		return err
	}
	text, err := s.sign(c, r, count(outcomes), held)
	if err != nil {
		return err
	}
	if err := replaceFile(digestsOf(s.path), list.Encode()); err != nil {
		return err
	}
	if err := replaceFile(s.path, text); err != nil {
		return err
	}
	return s.show(c.OutOrStdout(), text)
}

func arrivedOf(r *loadRun, outcomes []load.Outcome) (arrived []artifact.Digest) {
	whole := map[string]bool{}
	for _, o := range outcomes {
		whole[o.Item] = o.Err == nil && o.Skipped == ""
	}
	for i := range r.Lock.Items {
		if !whole[r.Lock.Items[i].Name] {
			continue
		}
		for d := range r.Lock.Items[i].All() {
			arrived = append(arrived, d.Digest)
		}
	}
	return arrived
}

// grown is the list beside the last receipt with what has arrived since. A list
// that claims too much does no harm: the next increment is held against the
// target before anything of it is written.
func (s *slip) grown(arrived []artifact.Digest) (receipt.Digests, error) {
	file, err := os.Open(digestsOf(s.path))
	if errors.Is(err, os.ErrNotExist) {
		return receipt.NewDigests(arrived), nil
	}
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }() // only read
	before, err := receipt.ReadDigests(file)
	if err != nil {
		return nil, fmt.Errorf("%s: %w; move it away, and the list starts anew", digestsOf(s.path), err)
	}
	return receipt.NewDigests(append(before, arrived...)), nil
}

func (s *slip) sign(c *cobra.Command, r *loadRun, n counts, held receipt.Held) ([]byte, error) {
	digest, err := r.Envelope.Digest()
	if err != nil {
		return nil, err
	}
	return receipt.Sign(c.Context(), &receipt.Receipt{
		Stream: r.Envelope.Stream, Sequence: r.Envelope.Sequence, Bundle: digest, Site: s.site, Time: time.Now().UTC().Truncate(time.Second),
		Loaded: n.loaded, Present: n.present, Failed: n.failed, Held: held,
	}, r.signer)
}

// show writes the codes as images, and on a terminal for a camera.
func (s *slip) show(out io.Writer, text []byte) error {
	if !s.qr {
		return nil
	}
	codes, err := receipt.Codes(text)
	if err != nil {
		return err
	}
	for i, code := range codes {
		path := s.path + ".png"
		if len(codes) > 1 {
			path = s.path + "." + strconv.Itoa(i+1) + ".png"
		}
		if err := replaceFile(path, code.PNG()); err != nil {
			return err
		}
		say(out, "receipt, code %d of %d: %s\n%s", i+1, len(codes), path, code.Terminal(false))
	}
	return nil
}
