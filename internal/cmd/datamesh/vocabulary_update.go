package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"unicode"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/client"
	"github.com/meshwright/terraform-provider-datamesh/internal/commandline"
	"github.com/meshwright/terraform-provider-datamesh/internal/marking"
)

// The exit codes of vocabulary diff and preview, as of a review.
const (
	exitChanges = 2
	exitWidens  = 3
)

func vocabulariesCommand() *cobra.Command {
	command := &cobra.Command{
		Use:   "vocabulary",
		Short: "Compare marking vocabularies, preview an update, sign it, and put it in force",
	}
	command.AddCommand(vocabularyDiffCommand(), vocabularyPreviewCommand(), vocabularyKeyCommand(), vocabularySignCommand(), vocabularyApplyCommand())
	return command
}

// platformFlags name a platform and who asks it.
type platformFlags struct {
	endpoint string
	options  client.Options
}

func (p *platformFlags) register(flags *pflag.FlagSet) {
	flags.StringVar(&p.endpoint, "endpoint", "", "`URL` of the platform (default: DATAMESH_ENDPOINT)")
	flags.StringVar(&p.options.TokenFile, "token-file", "", "`file` that holds the token (default: DATAMESH_TOKEN)")
	flags.StringVar(&p.options.CAFile, "ca-file", "", "`file` with the certificate authorities to trust, in PEM")
}

// connect is the platform; nothing is asked of it yet.
func (p *platformFlags) connect() (*client.Service, error) {
	if p.endpoint == "" {
		p.endpoint = os.Getenv("DATAMESH_ENDPOINT")
	}
	if p.endpoint == "" {
		return nil, errors.New("the platform is missing: name it with --endpoint or DATAMESH_ENDPOINT")
	}
	if p.options.TokenFile == "" {
		p.options.Token = os.Getenv("DATAMESH_TOKEN")
	}
	p.options.UserAgent = "datamesh/" + version
	hc, err := client.NewHTTPClient(p.options)
	if err != nil {
		return nil, err
	}
	return client.New(p.endpoint, hc)
}

// readVocabulary reads a vocabulary file.
func readVocabulary(name string) (*marking.Vocabulary, error) {
	flag := vocabularyFlag(name)
	if name == "" {
		return nil, errors.New("the name of the vocabulary file is empty")
	}
	return flag.load()
}

func vocabularyDiffCommand() *cobra.Command {
	var asJSON bool
	command := &cobra.Command{
		Use:   "diff OLD NEW",
		Short: "List what two vocabulary files do not say alike",
		Long: `List what two vocabulary files do not say alike: nations, groups with their
members, controls, control systems, levels. What that changes for the products
of a mesh, "datamesh vocabulary preview" tells.

Exit code 0 when they say the same, 2 when they do not, 1 when one cannot be
read.`,
		Example: `  datamesh marking vocabulary > old.json
  datamesh vocabulary diff old.json new.json`,
		Args: cobra.ExactArgs(2),
	}
	command.Flags().BoolVar(&asJSON, "json", false, "write JSON")
	command.RunE = func(c *cobra.Command, args []string) error {
		was, err := readVocabulary(args[0])
		if err != nil {
			return err
		}
		is, err := readVocabulary(args[1])
		if err != nil {
			return err
		}
		differences := was.Differences(is)
		if asJSON {
			err = printJSON(c, append([]marking.Difference{}, differences...))
		} else {
			err = printDifferences(c.OutOrStdout(), differences)
		}
		if err == nil && len(differences) > 0 {
			err = commandline.Exit{Code: exitChanges}
		}
		return err
	}
	return command
}

func printDifferences(w io.Writer, differences []marking.Difference) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, d := range differences {
		if _, err := fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", printable(d.Subject), printable(d.Code), printable(d.Change), printable(d.Detail)); err != nil {
			return err
		}
	}
	return t.Flush()
}

// printable is text from elsewhere without what a terminal would act on.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '\uFFFD'
		}
		return r
	}, text)
}

const vocabularyPreviewHelp = `Tell what a vocabulary would change if it came into force, and change nothing:
for each product which nations and organisations lose and gain reading and
display, what is closed because its marking or policy would say nothing any
more, and which caveat policies would mean something else. It is the platform
that tells, by the code that would put the vocabulary in force.

Each nation is judged by a member of its government with every clearance and
read-in, so that nothing but release decides. Only administrators may ask.

Exit code 0 when nobody loses or gains, 2 when something changes, 3 when
somebody gains or a policy permits more, 1 when it cannot be told.`

func vocabularyPreviewCommand() *cobra.Command {
	var p platformFlags
	var asJSON bool
	command := &cobra.Command{
		Use:   "preview --endpoint URL FILE",
		Short: "Tell who would lose and gain what by a vocabulary",
		Long:  vocabularyPreviewHelp,
		Example: `  datamesh vocabulary preview --endpoint "$DATAMESH_ENDPOINT" vocabulary.json

  # For a change board, and for a pipeline that stops at a widening
  datamesh vocabulary preview --json vocabulary.json > impact.json`,
		Args: cobra.ExactArgs(1),
	}
	p.register(command.Flags())
	command.Flags().BoolVar(&asJSON, "json", false, "write JSON")
	command.RunE = func(c *cobra.Command, args []string) error {
		impact, err := p.put(c.Context(), args[0], catalog.WriteOptions{DryRun: true})
		if err != nil {
			return err
		}
		if err := printImpact(c, impact, asJSON); err != nil {
			return err
		}
		switch {
		case impact.Widens():
			return commandline.Exit{Code: exitWidens}
		case impact.Changes():
			return commandline.Exit{Code: exitChanges}
		}
		return nil
	}
	return command
}

// put sends a vocabulary file.
func (p *platformFlags) put(ctx context.Context, name string, options catalog.WriteOptions) (catalog.VocabularyImpact, error) {
	v, err := readVocabulary(name)
	if err != nil {
		return catalog.VocabularyImpact{}, err
	}
	service, err := p.connect()
	if err != nil {
		return catalog.VocabularyImpact{}, err
	}
	if !options.DryRun && options.IfMatch == "" {
		current, err := service.Vocabulary(ctx, "")
		if err != nil {
			return catalog.VocabularyImpact{}, err
		}
		options.IfMatch = current.Revision
	}
	impact, _, err := service.PutVocabulary(ctx, v.Canonical(), options)
	return impact, err
}

const vocabularyApplyHelp = `Put a vocabulary in force, and tell what that changed. In one transaction every
product is judged again, and each change is recorded. Only administrators may,
and where the platform trusts vocabulary authorities, with the --signature of one
of them ("datamesh vocabulary sign").

With --if-match the update is refused when another vocabulary came into force
since the revision was read (the ETag of GET /api/v1/vocabulary); without it,
whatever is in force is replaced. An older vocabulary is put back the same way.

Exit code 0 when the vocabulary is in force, 1 when it is not.`

func vocabularyApplyCommand() *cobra.Command {
	var p platformFlags
	var asJSON bool
	var options catalog.WriteOptions
	var signature string
	command := &cobra.Command{
		Use:   "apply --endpoint URL FILE",
		Short: "Put a vocabulary in force",
		Long:  vocabularyApplyHelp,
		Example: `  datamesh vocabulary preview --endpoint "$DATAMESH_ENDPOINT" vocabulary.json
  datamesh vocabulary apply --endpoint "$DATAMESH_ENDPOINT" vocabulary.json`,
		Args: cobra.ExactArgs(1),
	}
	p.register(command.Flags())
	command.Flags().BoolVar(&asJSON, "json", false, "write JSON")
	command.Flags().StringVar(&signature, "signature", "", "`file` with the signature of an authority")
	command.Flags().StringVar(&options.IfMatch, "if-match", "", "`revision` of the vocabulary that must be in force")
	command.RunE = func(c *cobra.Command, args []string) (err error) {
		if options.Endorsement, err = readEndorsement(signature); err != nil {
			return err
		}
		impact, err := p.put(c.Context(), args[0], options)
		if err != nil {
			return err
		}
		return printImpact(c, impact, asJSON)
	}
	return command
}

func printImpact(c *cobra.Command, impact catalog.VocabularyImpact, asJSON bool) error {
	if asJSON {
		return printJSON(c, impact)
	}
	out := &strings.Builder{}
	fmt.Fprintf(out, "vocabulary %s -> %s\n", printable(impact.Version.From), printable(impact.Version.To))
	if err := printDifferences(out, impact.Vocabulary); err != nil {
		return err
	}
	printProducts(out, impact.Products)
	printPolicies(out, impact.Policies)
	if impact.Omitted > 0 {
		fmt.Fprintf(out, "\n%d more change, and are not listed\n", impact.Omitted)
	}
	fmt.Fprintf(out, "\n%d products do not change\n", impact.Unchanged)
	_, err := io.WriteString(c.OutOrStdout(), out.String())
	return err
}

func printProducts(out io.Writer, products []catalog.ProductImpact) {
	if len(products) == 0 {
		_, _ = fmt.Fprintln(out, "\nno product changes") // into memory
		return
	}
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(t, "\nPRODUCT\tREAD\tDISPLAY\tEFFECTIVE MARKING") // likewise, to the end
	for _, p := range products {
		note := printable(p.EffectiveMarking.From)
		if p.EffectiveMarking.To != p.EffectiveMarking.From {
			note += " -> " + printable(p.EffectiveMarking.To)
		}
		switch {
		case p.Closed:
			note += " (CLOSED to everybody)"
		case p.Opened:
			note += " (opened)"
		}
		_, _ = fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", printable(p.Product), shifted(p.Read), shifted(p.Display), note)
	}
	_ = t.Flush()
}

func printPolicies(out io.Writer, policies []catalog.PolicyImpact) {
	if len(policies) == 0 {
		return
	}
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(t, "\nCAVEAT POLICY\tRELEASABLE TO\tDISPLAY ONLY TO\tEXCLUDED\tUNKNOWN CODES") // into memory
	for _, p := range policies {
		_, _ = fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\n", printable(p.Policy), shifted(p.ReleasableTo), shifted(p.DisplayOnlyTo), shifted(p.Excluded), shortened(p.Unknown, ""))
	}
	_ = t.Flush()
}

// shifted is "-NZL +JPN", or "=" for no change.
func shifted(s catalog.Shift) string {
	if s.Empty() {
		return "="
	}
	return strings.TrimSpace(shortened(s.Lose, "-") + " " + shortened(s.Gain, "+"))
}

// shortened shows at most twelve codes; the JSON has them all.
func shortened(codes []string, sign string) string {
	const most = 12
	var shown []string
	for _, code := range slices.Clone(codes[:min(len(codes), most)]) {
		shown = append(shown, sign+printable(code))
	}
	if len(codes) > most {
		shown = append(shown, fmt.Sprintf("%sand %d more", sign, len(codes)-most))
	}
	return strings.Join(shown, " ")
}
