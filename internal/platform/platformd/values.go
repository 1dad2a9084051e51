package platformd

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/marking"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/configfile"
	"github.com/meshwright/terraform-provider-datamesh/internal/strictyaml"
)

// words holds what the configuration says of callers against the vocabulary in
// force. A word that it does not know grants nothing, so whoever was meant to
// have it is shut out: the operator should not learn of it from them. Safe for
// concurrent use.
type words struct {
	config *Config

	mu      sync.Mutex // guards what follows
	version string     // of the vocabulary that was looked at last
	found   error      // what is wrong under it
}

// check looks at the words again when the vocabulary is another, and reports
// whether it was.
func (w *words) check(v *marking.Vocabulary) (changed bool, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if changed = w.version != v.Version(); changed {
		w.version, w.found = v.Version(), unknownWords(w.config, v)
	}
	return changed, w.found
}

// wordsInterval is how soon the log tells of words that an update of the
// vocabulary has taken away. Whether the server is ready is asked of the
// vocabulary of the moment.
const wordsInterval = time.Minute

// checkWords is the start's: a server that would not understand its own
// configuration does not start.
func (s *Server) checkWords(ctx context.Context) error {
	if s.verifier == nil {
		return nil
	}
	v, err := s.platform.InForce(ctx)
	if err != nil {
		return err
	}
	changed, err := s.words.check(v)
	if changed && err != nil {
		s.config.Log.Error("the configuration has words that the vocabulary in force does not know", "error", err)
	}
	return err
}

// followWords looks from time to time until ctx ends.
func (s *Server) followWords(ctx context.Context) {
	ticker := time.NewTicker(wordsInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			_ = s.checkWords(ctx) // logged when it is new, and what readiness says
		}
	}
}

// unknownWords names each by file and key, 50 at most.
func unknownWords(c *Config, v *marking.Vocabulary) error {
	k := known{v: v}
	for i, issuer := range c.Issuers {
		k.values(fmt.Sprintf("issuers[%d].values.", i), issuer.Values)
	}
	for i, service := range c.Services {
		k.service(fmt.Sprintf("services[%d].", i), service)
	}
	const most = 50
	if len(k.errs) == 0 {
		return nil
	}
	return fmt.Errorf("%s:\n%w", cmp.Or(c.File, "configuration"), errors.Join(k.errs[:min(most, len(k.errs))]...))
}

// known collects what a vocabulary does not know.
type known struct {
	v    *marking.Vocabulary
	errs []error
}

func (k *known) values(at string, v configfile.Values) {
	k.table(at+"clearance.table.", v.Clearance, k.clearance)
	k.table(at+"countries.table.", v.Countries, k.country)
	k.table(at+"read_ins.table.", v.ReadIns, k.readIn)
	k.table(at+"purposes.table.", v.Purposes, k.purpose)
}

func (k *known) table(at string, m configfile.Meaning, check func(at, word string)) {
	for _, value := range slices.Sorted(maps.Keys(m.Table)) {
		check(at+strictyaml.Printable(value), m.Table[value])
	}
}

func (k *known) service(at string, s configfile.Service) {
	if s.Clearance != "" {
		k.clearance(at+"clearance", s.Clearance)
	}
	for i, country := range s.Countries {
		k.country(fmt.Sprintf("%scountries[%d]", at, i), country)
	}
	for i, readIn := range s.ReadIns {
		k.readIn(fmt.Sprintf("%sread_ins[%d]", at, i), readIn)
	}
	for i, purpose := range s.Purposes {
		k.purpose(fmt.Sprintf("%spurposes[%d]", at, i), purpose)
	}
}

func (k *known) fail(at, word, what, fix string) {
	k.errs = append(k.errs, fmt.Errorf("%s: %q is no %s of vocabulary %s; %s", at, strictyaml.Printable(word), what, k.v.Version(), fix))
}

func (k *known) clearance(at, word string) {
	if !slices.Contains([]string{"U", "R", "C", "S", "TS"}, word) {
		k.fail(at, word, "clearance", "choose from U, R, C, S, TS")
	}
}

// country takes nations and, for its own staff, NATO: another group's members
// are of a nation each.
func (k *known) country(at, word string) {
	if word != "NATO" && k.v.NationName(word) == "" {
		k.fail(at, word, "country", "write a GENC trigraph such as GBR, or NATO")
	}
}

func (k *known) readIn(at, word string) {
	if !k.v.KnownReadIn(word) {
		k.fail(at, word, "read-in", "join control system, compartment and sub-compartment by hyphens, such as SI-G-ABCD")
	}
}

func (k *known) purpose(at, word string) {
	if catalog.CheckName(word) != nil {
		k.fail(at, word, "purpose", "write lower-case letters, digits and hyphens")
	}
}
