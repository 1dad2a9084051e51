package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/meshwright/terraform-provider-datamesh/internal/access"
	"github.com/meshwright/terraform-provider-datamesh/internal/audit"
	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/client"
	"github.com/meshwright/terraform-provider-datamesh/internal/marking"
)

const auditExplainHelp = `Explain a decision that is in the audit log, by the vocabulary that it was made
under, and say beside it what the vocabulary in force says today.

The entry is named by its number, counted from 1, or by the id of the request
that caused it, which is looked for from the newest entry back. It holds the
marking, the version of the vocabulary and the verdict; of the subject it holds
a digest only. Give the attributes in a file with --subject, as for "datamesh
marking access": they are checked against the digest, and the decision is made
again. Without them the marking is explained.

What cannot be made again is said: a caveat policy that has changed since, and
a verdict that came from what the product is made from.

Reading entries needs the token of an administrator and is recorded in the log.`

// auditExplain is the command line of audit explain.
type auditExplain struct {
	remote  remoteLog
	subject string
	given   []string // purposes
	asJSON  bool
}

func auditExplainCommand() *cobra.Command {
	e := &auditExplain{}
	command := &cobra.Command{
		Use:   "explain --endpoint URL NUMBER|REQUEST-ID",
		Short: "Explain a decision by the vocabulary that it was made under",
		Long:  auditExplainHelp,
		Example: `  datamesh audit explain --endpoint "$DATAMESH_ENDPOINT" 4711
  datamesh audit explain --endpoint "$DATAMESH_ENDPOINT" --subject brit.json 01JD5Q0T`,
		Args: cobra.ExactArgs(1),
	}
	flags := command.Flags()
	flags.StringVar(&e.remote.endpoint, "endpoint", os.Getenv("DATAMESH_ENDPOINT"), "`URL` of the platform (default: DATAMESH_ENDPOINT)")
	flags.StringVar(&e.remote.options.TokenFile, "token-file", "", "`file` that holds the token (default: DATAMESH_TOKEN)")
	flags.StringVar(&e.remote.options.CAFile, "ca-file", "", "`file` with the certificate authorities to trust, in PEM")
	flags.StringVar(&e.subject, "subject", "", "`file` with the attributes of the subject, as JSON")
	flags.StringSliceVar(&e.given, "purpose", nil, "`purpose` that the subject's issuer gave it, with --subject; may be repeated")
	flags.BoolVar(&e.asJSON, "json", false, "write JSON")
	command.RunE = func(c *cobra.Command, args []string) error { return e.run(c, args[0]) }
	return command
}

func (e *auditExplain) run(c *cobra.Command, which string) (err error) {
	ctx := c.Context()
	log, err := e.remote.open()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, log.Close()) }()
	service, err := client.New(e.remote.endpoint, e.remote.http)
	if err != nil {
		return err
	}
	number, entry, err := findEntry(ctx, log, which)
	if err != nil {
		return err
	}
	x := &explanation{Number: number, Entry: entry, Limits: []string{}, given: e.given}
	var given *marking.Subject
	if e.subject != "" {
		subject, err := readSubject(c, e.subject)
		if err != nil {
			return err
		}
		given = &subject
	}
	if err := x.explain(ctx, service, given); err != nil {
		return err
	}
	if e.asJSON {
		return printJSON(c, x)
	}
	return x.print(c.OutOrStdout())
}

// findEntry reads the entry of a number, or the last decision of a request.
func findEntry(ctx context.Context, log signedLog, which string) (int64, audit.Entry, error) {
	size, err := signedSize(ctx, log)
	if err != nil {
		return 0, audit.Entry{}, err
	}
	if number, err := strconv.ParseInt(which, 10, 64); err == nil {
		if number < 1 || number > size {
			return 0, audit.Entry{}, fmt.Errorf("the log has no entry %d: its checkpoint covers 1 to %d", number, size)
		}
		entries, err := bundleOf(ctx, log, (number-1)/audit.TileWidth, size)
		if err != nil {
			return 0, audit.Entry{}, err
		}
		return number, entries[(number-1)%audit.TileWidth], nil
	}
	for tile := (size - 1) / audit.TileWidth; tile >= 0 && size > 0; tile-- {
		entries, err := bundleOf(ctx, log, tile, size)
		if err != nil {
			return 0, audit.Entry{}, err
		}
		for i := len(entries) - 1; i >= 0; i-- {
			if entries[i].RequestID == which && entries[i].Event != "audit_read" {
				return tile*audit.TileWidth + int64(i) + 1, entries[i], nil
			}
		}
	}
	return 0, audit.Entry{}, fmt.Errorf("no entry of request %.80q is in the log yet", which)
}

// signedSize is how many entries the log's checkpoint covers.
func signedSize(ctx context.Context, log signedLog) (int64, error) {
	text, err := log.Key(ctx)
	if err != nil {
		return 0, err
	}
	key, err := audit.ParsePublicKey(text)
	if err != nil {
		return 0, err
	}
	signed, err := log.Checkpoint(ctx)
	if err != nil {
		return 0, err
	}
	checkpoint, err := key.Open(signed)
	return checkpoint.Size, err
}

func bundleOf(ctx context.Context, log signedLog, index, size int64) ([]audit.Entry, error) {
	width := int(min(audit.TileWidth, size-index*audit.TileWidth))
	raw, err := log.Bundle(ctx, audit.Tile{Level: audit.EntryLevel, Index: index, Width: width})
	if err != nil {
		return nil, err
	}
	texts, err := audit.ParseBundle(raw, width)
	if err != nil {
		return nil, err
	}
	entries := make([]audit.Entry, len(texts))
	for i, text := range texts {
		if entries[i], err = audit.ParseEntry(text); err != nil {
			return nil, fmt.Errorf("entry %d: %w", index*audit.TileWidth+int64(i)+1, err)
		}
	}
	return entries, nil
}

// explanation is what can be said of one decision.
type explanation struct {
	given []string // purposes

	Number int64       `json:"number"`
	Entry  audit.Entry `json:"entry"`
	// Then and Now are the verdicts of the marking, with the caveat policy when
	// it is known, by the vocabulary of the decision and by the one in force.
	Then verdict `json:"then"`
	Now  verdict `json:"now"`
	// Replayed is true when the attributes of the subject were given, and are
	// those that the decision was made on.
	Replayed bool `json:"replayed"`
	// Limits say what this explanation leaves open.
	Limits []string `json:"limits"`
}

// verdict is what one vocabulary says.
type verdict struct {
	Vocabulary string   `json:"vocabulary"`
	Decision   string   `json:"decision,omitempty"` // permit or deny; "" when nothing was replayed
	Code       string   `json:"code,omitempty"`     // of a denial
	Rule       string   `json:"rule,omitempty"`     // what the code stands for
	Released   []string `json:"released"`           // nations that may hold the data
	Displayed  []string `json:"displayed"`          // nations that may only see them
	Everybody  bool     `json:"everybody,omitempty"`
	Unread     string   `json:"unread,omitempty"` // why the marking cannot be read
}

func (x *explanation) explain(ctx context.Context, service *client.Service, given *marking.Subject) error {
	if !isDecision(x.Entry) {
		return fmt.Errorf("entry %d is of event %q and action %q: only decisions on access are explained", x.Number, x.Entry.Event, x.Entry.Action)
	}
	subject, err := x.attributes(given)
	if err != nil {
		return err
	}
	policy, err := x.policy(ctx, service)
	if err != nil {
		return err
	}
	for _, of := range []struct {
		version string
		verdict *verdict
	}{{x.Entry.VocabularyVersion, &x.Then}, {"", &x.Now}} {
		text, err := service.Vocabulary(ctx, of.version)
		if err != nil {
			return fmt.Errorf("vocabulary %s: %w", of.version, err)
		}
		v, err := marking.ReadVocabulary(strings.NewReader(string(text.Text)))
		if err != nil {
			return err
		}
		*of.verdict = x.verdict(v, subject, policy)
	}
	if x.Replayed && (x.Then.Decision != x.Entry.Decision || x.Then.Code != strings.Join(x.Entry.ReasonCodes, ",")) {
		x.limit("The verdict is not that of the product's own marking and policy: it came from something that the product is made from, " +
			"from what the system is accredited for, from a second party that had to be let in too, or from an administrator's right.")
	}
	return nil
}

// isDecision tells decisions from what else is recorded: that of the gateway is
// a query of an output port, and so are the ends of its streams.
func isDecision(e audit.Entry) bool {
	if e.Event == "query" {
		return e.Port != "" && e.Action != "close" && e.Action != "end"
	}
	return e.Event == "decision"
}

func (x *explanation) limit(text string) { x.Limits = append(x.Limits, text) }

// attributes holds those that were given against the digest.
func (x *explanation) attributes(given *marking.Subject) (*marking.Subject, error) {
	switch {
	case given == nil:
		x.limit("The log holds only a digest of the subject's attributes: give them with --subject to make the decision again.")
		return nil, nil
	case x.Entry.SubjectAttributes == "":
		return nil, fmt.Errorf("entry %d was made on no attributes: leave out --subject", x.Number)
	}
	for _, spelled := range spellings(*given) {
		if digest, err := attributesDigest(spelled, x.given); err == nil && digest == x.Entry.SubjectAttributes {
			x.Replayed = true
			return &spelled, nil
		}
	}
	return nil, fmt.Errorf("these are not the attributes that entry %d was decided on: their digest is another", x.Number)
}

// spellings are a subject's ways to leave a list out: absent and empty are the
// same to a decision and not to a digest.
func spellings(s marking.Subject) []marking.Subject {
	all := []marking.Subject{s}
	for _, list := range []func(*marking.Subject) *[]string{
		func(s *marking.Subject) *[]string { return &s.CountryOfAffiliation },
		func(s *marking.Subject) *[]string { return &s.FineAccessControls },
	} {
		for _, one := range all {
			if at := list(&one); len(*at) == 0 && *at == nil {
				*at = []string{}
				all = append(all, one)
			} else if len(*at) == 0 {
				*at = nil
				all = append(all, one)
			}
		}
	}
	return all
}

// attributesDigest is that of all that a decision on a subject is made on.
func attributesDigest(s marking.Subject, purposes []string) (string, error) {
	body, err := json.Marshal(struct {
		marking.Subject
		Purposes []string `json:"purposes,omitempty"`
	}{s, purposes})
	if err != nil {
		return "", err
	}
	canonical, err := audit.CanonicalJSON(body)
	return audit.Digest(canonical), err
}

// policy is the caveat policy of the product, as far as it is still the one
// that decided.
func (x *explanation) policy(ctx context.Context, service *client.Service) (*catalog.CaveatPolicy, error) {
	id, ok := strings.CutPrefix(x.Entry.Object, string(catalog.KindProduct)+"/")
	if !ok {
		return nil, nil
	}
	product, _, err := catalog.Get[*catalog.Product](ctx, service, id)
	switch {
	case errors.Is(err, catalog.ErrNotFound):
		x.limit("The product is gone: whether a caveat policy decided cannot be told.")
		return nil, nil
	case err != nil || product.CaveatPolicy == "":
		return nil, err
	}
	policy, revision, err := catalog.Get[*catalog.CaveatPolicy](ctx, service, product.CaveatPolicy)
	switch {
	case errors.Is(err, catalog.ErrNotFound):
		return nil, nil
	case err != nil:
		return nil, err
	case x.Entry.PolicyVersion == "":
		x.limit("The entry does not say which revision of the caveat policy decided: today's is used.")
	case x.Entry.PolicyVersion != revision:
		x.limit("The caveat policy has changed since, and its revisions are not kept: the verdict is that of the marking alone.")
		return nil, nil
	}
	return policy, nil
}

// verdict decides by one vocabulary, and tells whom the marking lets in.
func (x *explanation) verdict(v *marking.Vocabulary, subject *marking.Subject, policy *catalog.CaveatPolicy) verdict {
	effective, err := v.Parse(x.Entry.MarkingAccessed)
	audience := v.Audience(effective)
	said := verdict{Vocabulary: v.Version(), Released: append([]string{}, audience.Release...), Displayed: append([]string{}, audience.Display...), Everybody: audience.Everybody}
	if err != nil {
		effective, said.Unread = marking.Marking{}, err.Error()
	}
	if subject == nil {
		return said
	}
	d := access.System{Vocabulary: v}.Terms(effective, policy).Decide(v.Holder(subject), access.Use{Action: marking.Action(x.Entry.Action), Purpose: x.Entry.Purpose, Given: x.given})
	said.Decision, said.Code = audit.Permit, d.Code
	if !d.Permit {
		said.Decision, said.Rule = audit.Deny, ruleOf(d.Code)
	}
	return said
}

func (x *explanation) print(w io.Writer) error {
	e, out := x.Entry, &strings.Builder{}
	fmt.Fprintf(out, "entry %d, %s\n", x.Number, printable(e.Time))
	fmt.Fprintf(out, "%s %s %s: %s\n", printable(e.Consumer.Sub), printable(e.Action), printable(e.Object), strings.TrimSpace(e.Decision+" "+printable(strings.Join(e.ReasonCodes, ","))))
	for _, code := range e.ReasonCodes {
		if rule := ruleOf(code); rule != "" {
			fmt.Fprintf(out, "  %s\n", printable(rule))
		}
	}
	fmt.Fprintf(out, "marking %s\n", printable(e.MarkingAccessed))
	x.Then.print(out, "then")
	x.Now.print(out, "now")
	for _, limit := range x.Limits {
		fmt.Fprintf(out, "note: %s\n", limit)
	}
	_, err := io.WriteString(w, out.String())
	return err
}

func (v verdict) print(out io.Writer, when string) {
	said := strings.TrimSpace(v.Decision + " " + v.Code)
	if v.Rule != "" {
		said += " (" + v.Rule + ")"
	}
	whom := "released to " + strings.Join(v.Released, " ")
	switch {
	case v.Unread != "":
		whom = "the marking cannot be read: released to nobody"
	case v.Everybody:
		whom = "released to everybody"
	case len(v.Displayed) > 0:
		whom += ", displayed to " + strings.Join(v.Displayed, " ")
	}
	_, _ = fmt.Fprintf(out, "%s, vocabulary %s: %s\n", when, printable(v.Vocabulary), strings.TrimPrefix(printable(said+"; "+whom), "; ")) // into memory
}
