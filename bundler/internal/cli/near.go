package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/assemble"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/cas"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/envelope"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/fetch/oci"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/lock"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/receipt"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/signing"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/spec"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/transfer"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/volume"
	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/client"
	"github.com/meshwright/terraform-provider-datamesh/internal/commandline"
)

// lines are the flags of how servers are reached.
type lines struct {
	caFile, certFile, keyFile, proxy string
	plain, tokenHosts                []string
	parallel                         parallelism
}

func (l *lines) add(c *cobra.Command) {
	f := c.Flags()
	f.StringVar(&l.caFile, "ca-file", "", "trust the certificate authorities in this PEM `FILE` instead of the system's")
	f.StringVar(&l.certFile, "client-cert-file", "", "client certificate chain, a PEM `FILE`")
	f.StringVar(&l.keyFile, "client-key-file", "", "key of the client certificate, a PEM `FILE`")
	f.StringVar(&l.proxy, "proxy", "", "proxy `URL`; without it the environment says")
	f.StringSliceVar(&l.plain, "plain-http", nil, "speak plain HTTP with this `HOST:PORT`; loopback always may")
	f.StringSliceVar(&l.tokenHosts, "token-host", nil, "send credentials to the token service `REGISTRY=HOST` too")
	l.parallel = 4
	f.Var(&l.parallel, "parallel", "how many large blobs move at once, 1 to 64")
}

func (l *lines) transfer() transfer.Options {
	return transfer.Options{
		Parallel: 2 * int(l.parallel), CAFile: l.caFile, ClientCertFile: l.certFile, ClientKeyFile: l.keyFile,
		ProxyURL: l.proxy, PlainHTTP: l.plain,
	}
}

func (l *lines) tokens() (map[string][]string, error) {
	hosts := map[string][]string{}
	for _, text := range l.tokenHosts {
		registry, host, ok := strings.Cut(text, "=")
		if !ok || registry == "" || host == "" {
			return nil, fmt.Errorf("--token-host %.200q: write REGISTRY=HOST", text)
		}
		hosts[registry] = append(hosts[registry], host)
	}
	return hosts, nil
}

// parallelism is how many of something run at once.
type parallelism int

const maxParallel = 64

// Set reads a flag.
func (p *parallelism) Set(text string) error {
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > maxParallel {
		return fmt.Errorf("write a number from 1 to %d", maxParallel)
	}
	*p = parallelism(n)
	return nil
}

// String is the number.
func (p *parallelism) String() string { return strconv.Itoa(int(*p)) }

// Type names the value in the help.
func (p *parallelism) Type() string { return "N" }

// near is what the commands of the near side share.
type near struct {
	lines
	file, policy, lockFile, store string
	report                        reporting
}

func (n *near) add(c *cobra.Command) {
	n.lines.add(c)
	f := c.Flags()
	f.StringVarP(&n.file, "file", "f", "bundle.yaml", "what is wanted, a `FILE`")
	f.StringVar(&n.policy, "policy", "", "what is allowed, a `FILE`; without it policy.yaml beside the bundle.yaml")
	f.StringVar(&n.lockFile, "lock", "", "the lock, a `FILE`; without it bundle.lock beside the bundle.yaml")
	n.report.add(c)
}

func (n *near) addStore(c *cobra.Command) {
	c.Flags().StringVar(&n.store, "store", "", "`DIR` that keeps blobs; without it .bundle-store beside the bundle.yaml")
}

func (n *near) beside(name, given string) string {
	if given != "" {
		return given
	}
	return filepath.Join(filepath.Dir(n.file), name)
}

// options reads bundle.yaml and policy.yaml.
func (n *near) options() (assemble.Options, error) {
	text, err := readSmall(n.file)
	if err != nil {
		return assemble.Options{}, err
	}
	wanted, err := spec.Parse(text)
	if err != nil {
		return assemble.Options{}, inFile(n.file, err)
	}
	t, err := openPolicy(n.beside(policyName, n.policy))
	if err != nil {
		return assemble.Options{}, err
	}
	tokens, err := n.tokens()
	if err != nil {
		return assemble.Options{}, err
	}
	return assemble.Options{
		Spec: wanted, Policy: t.policy, Folder: filepath.Dir(n.file), Parallel: int(n.parallel),
		Judge: func(ctx context.Context, item *lock.Item, content assemble.Content) (lock.Verdict, error) {
			return t.judge(ctx, item, content, time.Now())
		},
		Registries: oci.Options{Transfer: n.transfer(), TokenHosts: tokens}, Files: n.transfer(), Mesh: n.mesh,
		Progress: n.report.assembly,
	}, nil
}

// mesh connects to the platform of a mesh with the token of the environment.
func (n *near) mesh(endpoint string) (catalog.Reader, error) {
	hc, err := client.NewHTTPClient(client.Options{
		Token: os.Getenv("DATAMESH_TOKEN"), CAFile: n.caFile, ClientCertFile: n.certFile, ClientKeyFile: n.keyFile,
		ProxyURL: n.proxy, UserAgent: "datamesh-bundler",
	})
	if err != nil {
		return nil, err
	}
	return client.New(endpoint, hc)
}

func (n *near) openStore() (*cas.Store, error) {
	return cas.Open(n.beside(".bundle-store", n.store), cas.Options{})
}

// readLock reads the lock, which exists.
func (n *near) readLock() (*lock.Lock, error) { return decodeLock(n.beside("bundle.lock", n.lockFile)) }

func decodeLock(path string) (*lock.Lock, error) {
	text, err := readAtMost(path, lock.MaxBytes)
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("%w: make it with datamesh-bundler lock", err)
	}
	if err != nil {
		return nil, err
	}
	l, err := lock.Decode(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return l, nil
}

// packing are the flags of how a bundle is written.
type packing struct {
	out, key, signer, public, receipt, previous, created, host string
	volumes                                                    cutting
}

func (p *packing) add(c *cobra.Command) {
	f := c.Flags()
	f.StringVar(&p.out, "out", "", "`DIR` that the bundle goes to")
	f.StringVar(&p.key, "key", "", "private key that signs, a PEM `FILE`")
	f.StringVar(&p.signer, "signer", "", "program that signs instead of a key, such as one for a smart card: `\"COMMAND ARG…\"`")
	f.StringVar(&p.public, "public-key", "", "public key of --signer, a PEM `FILE`")
	p.volumes.add(c)
	f.StringVar(&p.receipt, "receipt", "", "signed receipt of the far side, a `FILE`: only what is missing there travels")
	f.StringVar(&p.previous, "previous", "", "`DIR` of the bundle before this one in the stream")
	f.StringVar(&p.created, "created", "", "time of creation, RFC 3339; without it SOURCE_DATE_EPOCH or now")
	f.StringVar(&p.host, "host", "", "name of this machine for the attestation; without it none")
}

func (p *packing) check(c *cobra.Command) error {
	if p.out == "" {
		return commandline.Misuse(c, errors.New("--out is missing: say where the bundle goes"))
	}
	if (p.key == "") == (p.signer == "") {
		return commandline.Misuse(c, errors.New("a bundle is signed: name a --key, or a --signer with its --public-key"))
	}
	return nil
}

// options reads all that the flags name.
func (p *packing) options(version string, o assemble.Options, policyPath string) (assemble.PackOptions, error) {
	signer, err := openSigner(p.key, p.signer, p.public)
	if err != nil {
		return assemble.PackOptions{}, err
	}
	created, err := creation(p.created)
	if err != nil {
		return assemble.PackOptions{}, err
	}
	out := assemble.PackOptions{
		Dir: p.out, Signers: []signing.Signer{signer}, Volumes: o.Spec.Volumes, Created: created,
		Attest: assemble.Facts{Tool: version, Host: p.host, Started: time.Now()},
	}
	p.volumes.change(&out.Volumes)
	if out.Previous, err = p.before(policyPath); err != nil {
		return out, err
	}
	out.Base, err = readBase(p.receipt, policyPath)
	return out, err
}

// openSigner is a key file or an external program.
func openSigner(key, command, public string) (signing.Signer, error) {
	if key != "" {
		return signing.Load(key)
	}
	if public == "" {
		return nil, errors.New("--signer needs --public-key: what the program gives is checked with it")
	}
	loaded, err := signing.LoadPublic(public)
	if err != nil {
		return nil, err
	}
	return signing.Command{Argv: strings.Fields(command)}.Signer(loaded)
}

// creation is a stated time, SOURCE_DATE_EPOCH, or now.
func creation(stated string) (time.Time, error) {
	if stated != "" {
		t, err := time.Parse(time.RFC3339, stated)
		if err != nil {
			return t, fmt.Errorf("--created %.40q: write a time such as 2026-11-25T19:00:00Z", stated)
		}
		return t, nil
	}
	epoch := os.Getenv("SOURCE_DATE_EPOCH")
	if epoch == "" {
		return time.Now(), nil
	}
	seconds, err := strconv.ParseInt(epoch, 10, 64)
	if err != nil {
		return time.Time{}, fmt.Errorf("SOURCE_DATE_EPOCH %.40q: write seconds since 1970", epoch)
	}
	return time.Unix(seconds, 0), nil
}

// before is the envelope of the previous bundle, verified by the policy's bundle
// signers: a bundle follows nothing that nobody vouches for.
func (p *packing) before(policyPath string) (*envelope.Envelope, error) {
	if p.previous == "" {
		return nil, nil //nolint:nilnil // none is asked for
	}
	t, err := openTrust(policyPath)
	if err != nil {
		return nil, err
	}
	name, err := volume.Find(p.previous)
	if err != nil {
		return nil, err
	}
	raw, err := volume.ReadEnvelope(p.previous, name)
	if err != nil {
		return nil, err
	}
	return envelope.Open(raw, t.signers)
}

// readBase reads a receipt and the list beside it.
func readBase(path, policyPath string) (*assemble.Base, error) {
	if path == "" {
		return nil, nil //nolint:nilnil // none is asked for
	}
	t, err := openPolicy(policyPath)
	if err != nil {
		return nil, err
	}
	keys, err := t.verifier.ReceiptSigners()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", policyPath, err)
	}
	text, err := readSmall(path)
	if err != nil {
		return nil, err
	}
	r, err := receipt.Open(text, keys)
	if err != nil {
		return nil, &envelope.Refusal{Kind: envelope.Untrusted, Reason: "receipt " + path + ": " + err.Error()}
	}
	list, err := os.Open(digestsOf(path))
	if err != nil {
		return nil, fmt.Errorf("the list that the receipt stands for: %w", err)
	}
	defer func() { _ = list.Close() }() // only read
	held, err := receipt.ReadHeld(list, r.Held)
	if err != nil {
		return nil, &envelope.Refusal{Kind: envelope.Untrusted, Reason: digestsOf(path) + ": " + err.Error()}
	}
	return &assemble.Base{Receipt: r, Held: held}, nil
}

// digestsOf is the list beside a receipt.
func digestsOf(path string) string { return path + ".digests" }
