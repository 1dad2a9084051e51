package marking

import (
	"bytes"
	_ "embed" // the vocabulary file
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"
)

// The limits of a vocabulary. Codes are what a decision on every product of a
// mesh is multiplied by, so that there are few of them: GENC has below 300.
const (
	// MaxVocabularySize is the largest vocabulary file that is read, in bytes.
	MaxVocabularySize = 1 << 20
	// MaxVersion is the longest version, in bytes.
	MaxVersion = 64
	maxNations = 1024
	maxGroups  = 1024
)

//go:embed vocabulary.json
var embedded []byte

// Vocabulary is an immutable, versioned set of permitted tokens. Safe for
// concurrent use.
type Vocabulary struct {
	version   string
	date      string
	canonical []byte
	levels    [levelCount]string // spelled out
	systems   map[string]*system
	former    map[string]string // retired control system to its successor
	titles    map[string]string // spelled-out control system or "SI-GAMMA" part to its code
	controls  [categoryCount][]control
	byPortion map[string]token
	byBanner  map[string]token
	foreign   []foreignLevel
	nations   map[string]string // trigraph to name
	groups    map[string]*group
	numbers   map[string]Affiliation // of nations, then of groups in force
	members   [][]Affiliation        // by number
}

// token is a control as the program works with it: a category and a place in
// the Register's order.
type token struct {
	category category
	index    int
}

type foreignLevel struct {
	owner, banner, portion string
	level                  level
}

// group is a tetragraph. One without members is opaque: it stands for itself
// only. One with members that is not decomposable stands for itself in a
// roll-up, yet its members are let in.
type group struct {
	code         string
	members      []string // sorted trigraphs
	decomposable bool
	retired      bool // outside its dates on the vocabulary's date
}

var defaultVocabulary = sync.OnceValue(func() *Vocabulary {
	v, err := ReadVocabulary(bytes.NewReader(embedded))
	if err != nil {
		panic("marking: embedded vocabulary: " + err.Error())
	}
	return v
})

// Default is the vocabulary embedded in the program. Every call returns the
// same one.
func Default() *Vocabulary { return defaultVocabulary() }

// EmbeddedVocabulary is a copy of the file that [Default] was read from: what
// an operator starts from who replaces it.
func EmbeddedVocabulary() []byte { return bytes.Clone(embedded) }

// Version names the vocabulary in every result and record.
func (v *Vocabulary) Version() string { return v.version }

// ReadVocabulary reads an operator's vocabulary file: JSON in the format of the
// embedded vocabulary.json, at most [MaxVocabularySize] bytes. Unknown fields,
// duplicate keys and controls that the program has no rules for are refused.
func ReadVocabulary(r io.Reader) (*Vocabulary, error) {
	data, err := io.ReadAll(io.LimitReader(r, MaxVocabularySize+1))
	if err != nil {
		return nil, fmt.Errorf("marking: read vocabulary: %w", err)
	}
	var f vocabularyFile
	if err := decodeStrict(data, MaxVocabularySize, &f); err != nil {
		return nil, fmt.Errorf("marking: vocabulary: %w", err)
	}
	v, err := f.build()
	if err != nil {
		return nil, fmt.Errorf("marking: vocabulary %q: %w", clip(f.Version), err)
	}
	return v, nil
}

// vocabularyFile is the file format "marking-vocabulary/1".
type vocabularyFile struct {
	Format       string            `json:"format"`
	Version      string            `json:"version"`
	Date         string            `json:"date"` // YYYY-MM-DD; validity is judged on this day
	Sources      []string          `json:"sources"`
	Levels       []levelEntry      `json:"levels"`
	Equivalences []equivalentEntry `json:"equivalences"`
	Systems      []system          `json:"systems"`
	Controls     []controlEntry    `json:"controls"`
	Groups       []groupEntry      `json:"groups"`
	Nations      []nationEntry     `json:"nations"`
}

type levelEntry struct {
	Code  string `json:"code"`
	Title string `json:"title"`
}

type equivalentEntry struct {
	Owner   string `json:"owner"`
	Banner  string `json:"banner"`
	Portion string `json:"portion"`
	Level   string `json:"level"`
}

type controlEntry struct {
	Category  string `json:"category"`
	Code      string `json:"code"`
	Banner    string `json:"banner"`
	Title     string `json:"title"`
	ValidFrom string `json:"valid_from"`
	ValidTo   string `json:"valid_to"`
}

type groupEntry struct {
	Code         string   `json:"code"`
	Title        string   `json:"title"`
	Members      []string `json:"members"`
	Decomposable bool     `json:"decomposable"`
	ValidFrom    string   `json:"valid_from"`
	ValidTo      string   `json:"valid_to"`
}

type nationEntry struct {
	Code string `json:"code"`
	Name string `json:"name"`
}

func (f *vocabularyFile) build() (*Vocabulary, error) {
	v := &Vocabulary{
		version: f.Version, date: f.Date,
		systems: map[string]*system{}, titles: map[string]string{}, former: map[string]string{},
		byPortion: map[string]token{}, byBanner: map[string]token{},
		nations: map[string]string{}, groups: map[string]*group{}, numbers: map[string]Affiliation{},
	}
	if f.Format != "marking-vocabulary/1" {
		return nil, fmt.Errorf("format %q is not known; write \"marking-vocabulary/1\"", f.Format)
	}
	if err := CheckVersion(f.Version); err != nil {
		return nil, fmt.Errorf("version: %w", err)
	}
	if _, err := time.Parse(time.DateOnly, f.Date); err != nil {
		return nil, fmt.Errorf("date %q: write YYYY-MM-DD", f.Date)
	}
	if len(f.Nations) > maxNations || len(f.Groups) > maxGroups {
		return nil, fmt.Errorf("there are %d nations and %d groups; write at most %d and %d", len(f.Nations), len(f.Groups), maxNations, maxGroups)
	}
	err := errors.Join(v.addLevels(f), v.addNations(f), v.addGroups(f), v.addEquivalences(f), v.addSystems(f), v.addControls(f))
	if err == nil {
		v.canonical, err = f.encode()
	}
	return v, err
}

func (v *Vocabulary) addLevels(f *vocabularyFile) error {
	for _, e := range f.Levels {
		l, ok := levelOf(e.Code)
		if !ok || !isTitle(e.Title) || v.levels[l] != "" {
			return fmt.Errorf("levels: %q (%q) is unknown, repeated or not in capitals", e.Code, e.Title)
		}
		v.levels[l] = e.Title
	}
	if slices.Contains(v.levels[:], "") {
		return errors.New("levels: state all of TS, S, C, R and U")
	}
	return nil
}

func (v *Vocabulary) addEquivalences(f *vocabularyFile) error {
	for _, e := range f.Equivalences {
		l, ok := levelOf(e.Level)
		if !ok || !v.knownCode(e.Owner) || !isTitle(e.Banner) || !isTitle(e.Portion) {
			return fmt.Errorf("equivalences: %q of %q is not usable", e.Banner, e.Owner)
		}
		v.foreign = append(v.foreign, foreignLevel{owner: e.Owner, banner: e.Banner, portion: e.Portion, level: l})
	}
	return nil
}

func (v *Vocabulary) addNations(f *vocabularyFile) error {
	for _, e := range f.Nations {
		if len(e.Code) != 3 || !isCode(e.Code) || e.Name == "" || e.Code == "FGI" {
			return fmt.Errorf("nations: %q is not a trigraph with a name", e.Code)
		}
		if _, twice := v.nations[e.Code]; twice {
			return fmt.Errorf("nations: %q is stated twice", e.Code)
		}
		v.nations[e.Code] = e.Name
		v.number(e.Code, nil)
	}
	if _, ok := v.nations["USA"]; !ok {
		return errors.New("nations: USA is missing")
	}
	return nil
}

func (v *Vocabulary) addGroups(f *vocabularyFile) error {
	for _, e := range f.Groups {
		if len(e.Code) < 4 || len(e.Code) > 15 || !isCode(e.Code) || v.groups[e.Code] != nil {
			return fmt.Errorf("groups: %q is not a tetragraph or is stated twice", e.Code)
		}
		live, err := v.valid(e.ValidFrom, e.ValidTo)
		if err != nil {
			return fmt.Errorf("groups: %s: %w", e.Code, err)
		}
		g := &group{code: e.Code, members: slices.Sorted(slices.Values(e.Members)), decomposable: e.Decomposable, retired: !live}
		if e.Decomposable && len(g.members) == 0 {
			return fmt.Errorf("groups: %s is decomposable but has no members", e.Code)
		}
		for i, m := range g.members {
			if _, ok := v.nations[m]; !ok || i > 0 && g.members[i-1] == m {
				return fmt.Errorf("groups: member %q of %s is unknown or repeated", m, e.Code)
			}
		}
		v.groups[e.Code] = g
		if live {
			v.number(e.Code, g)
		}
	}
	return nil
}

func (v *Vocabulary) addControls(f *vocabularyFile) error {
	var seen [categoryCount]bitset
	for _, e := range f.Controls {
		t, ok := knownControl(e.Category, e.Code)
		if !ok || seen[t.category].has(t.index) {
			return fmt.Errorf("controls: %s %q is repeated, or the program has no rules for it", e.Category, e.Code)
		}
		if !isTitle(e.Banner) || !isTitle(e.Title) {
			return fmt.Errorf("controls: %s: banner and title must be capitals", e.Code)
		}
		live, err := v.valid(e.ValidFrom, e.ValidTo)
		if err != nil {
			return fmt.Errorf("controls: %s: %w", e.Code, err)
		}
		seen[t.category] = seen[t.category].with(t.index)
		if _, taken := v.byBanner[e.Banner]; live && taken {
			return fmt.Errorf("controls: %s: the banner %q is another control's", e.Code, e.Banner)
		}
		if live {
			v.addControl(t, e)
		}
	}
	return v.checkControls()
}

// checkControls refuses a vocabulary in which a roll-up could come to a control
// that cannot be written.
func (v *Vocabulary) checkControls() error {
	for _, need := range [...][2]string{{"", "NF"}, {"SBU-NF", "SBU"}, {"LES-NF", "LES"}, {"FRD", "RD"}} {
		_, used := v.byPortion[need[0]]
		if _, ok := v.byPortion[need[1]]; !ok && (used || need[0] == "") {
			return fmt.Errorf("controls: %s is missing or out of date; roll-ups need it", need[1])
		}
	}
	return nil
}

func (v *Vocabulary) addControl(t token, e controlEntry) {
	if v.controls[t.category] == nil {
		v.controls[t.category] = make([]control, len(registerOrder[t.category]))
	}
	v.controls[t.category][t.index] = control{code: e.Code, banner: e.Banner, title: e.Title}
	v.byPortion[e.Code] = t
	v.byBanner[e.Banner] = t
	v.byBanner[e.Title] = t
}

// valid reports whether the vocabulary's date lies between two dates, either
// of which may be "".
func (v *Vocabulary) valid(from, to string) (bool, error) {
	for _, d := range []string{from, to} {
		if _, err := time.Parse(time.DateOnly, d); d != "" && err != nil {
			return false, fmt.Errorf("%q is not a date; write YYYY-MM-DD", d)
		}
	}
	return (from == "" || from <= v.date) && (to == "" || v.date <= to), nil
}

// knownCode reports whether the code is a nation or a group in force.
func (v *Vocabulary) knownCode(code string) bool {
	_, ok := v.numbers[code]
	return ok
}

// isCode reports whether the text is capitals and digits only.
func isCode(s string) bool {
	return s != "" && strings.IndexFunc(s, func(r rune) bool { return (r < 'A' || r > 'Z') && (r < '0' || r > '9') }) < 0
}

// isTitle reports whether the text is what a banner line may spell out:
// capitals, digits, single spaces and hyphens, at most 64 bytes.
func isTitle(s string) bool {
	if s == "" || len(s) > 64 || strings.Contains(s, "  ") || strings.TrimSpace(s) != s {
		return false
	}
	return strings.IndexFunc(s, func(r rune) bool {
		return (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != ' ' && r != '-'
	}) < 0
}
