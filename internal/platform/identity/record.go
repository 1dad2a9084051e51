package identity

import (
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math/big"
	"slices"
	"sync"
	"time"

	"github.com/meshwright/terraform-provider-datamesh/internal/platform/keyfile"
	"github.com/meshwright/terraform-provider-datamesh/internal/strictjson"
)

// record remembers, in a file, the number of the newest revocation list of each
// authority that was in force: a list that is older is good for days by what it
// says of itself, and whoever puts it back while no server runs would bring back
// whom the newer one revoked. Safe for concurrent use.
//
// An authority that begins its numbers anew is the operator's to tell: the file
// is removed while the server is stopped.
type record struct {
	path string // "" to remember within the process only

	mu      sync.Mutex      // guards what follows
	marks   map[string]mark // by heldBy
	unsaved bool
	failure error
}

// mark is how far the lists of an authority have come.
type mark struct {
	authority *x509.Certificate
	number    *big.Int
	issued    time.Time
}

// The format of the file, and its limits: authorities, and bytes of it all.
const (
	recordFormat = "revocation-lists/1"
	maxMarks     = 4096
	maxRecord    = 32 << 20
)

// recorded is the file.
type recorded struct {
	Format      string        `json:"format"`
	Authorities []recordedOne `json:"authorities"`
}

type recordedOne struct {
	Name        string `json:"name"` // for who reads it
	Number      string `json:"number"`
	ThisUpdate  string `json:"this_update"`
	Certificate string `json:"certificate"`
}

// openRecord reads the record of a path. One that is not there is that of a
// server that starts for the first time; one that cannot be read is refused, since
// nobody knows any more what was revoked.
func openRecord(path string) (*record, error) {
	r := &record{path: path, marks: map[string]mark{}}
	if path == "" {
		return r, nil
	}
	text, err := readFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return r, nil
	}
	if err == nil {
		err = r.parse(text)
	}
	if err != nil {
		return nil, fmt.Errorf("what is remembered of revocation lists: %s: %w: restore it from a backup, or remove it once the newest lists are in their places", path, err)
	}
	return r, nil
}

func (r *record) parse(text []byte) error {
	document, err := strictjson.Parse(string(text), strictjson.Limits{Bytes: maxRecord, Depth: 4, Values: 8 * maxMarks})
	if err != nil {
		return err
	}
	all := member(document, "authorities")
	if textOf(document, "format") != recordFormat || all == nil || all.Kind != strictjson.Array || len(all.Items) > maxMarks {
		return fmt.Errorf("it is no record of format %s and of at most %d authorities", recordFormat, maxMarks)
	}
	for i, one := range all.Items {
		m, err := parseMark(one)
		if err != nil {
			return fmt.Errorf("authorities[%d]: %w", i, err)
		}
		r.marks[heldBy(m.authority)] = m
	}
	return nil
}

func parseMark(one *strictjson.Value) (m mark, err error) {
	raw, err := base64.StdEncoding.Strict().DecodeString(textOf(one, "certificate"))
	if err != nil {
		return mark{}, err
	}
	if m.authority, err = x509.ParseCertificate(raw); err != nil {
		return mark{}, err
	}
	number, ok := new(big.Int).SetString(textOf(one, "number"), 10)
	if m.number = number; !ok {
		return mark{}, errors.New("its number is none")
	}
	m.issued, err = time.Parse(time.RFC3339, textOf(one, "this_update"))
	return m, err
}

// ahead is the mark that a list of this authority is behind.
func (r *record) ahead(authority *x509.Certificate, l *list) (mark, bool) {
	if r == nil || l == nil {
		return mark{}, false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	m, known := r.marks[heldBy(authority)]
	return m, known && m.after(l)
}

func (m mark) after(l *list) bool {
	if c := m.number.Cmp(number(l)); c != 0 {
		return c > 0
	}
	return m.issued.After(l.ThisUpdate)
}

// admits refuses a list that is older than one that was in force.
func (r *record) admits(authority *x509.Certificate, l *list) error {
	m, behind := r.ahead(authority, l)
	if !behind {
		return nil
	}
	return fmt.Errorf("the revocation list of %q, number %v, is older than number %v of %s, which was in force: put the newest one to %s; if the authority has begun its numbers anew, stop the server and remove %s",
		l.Issuer, number(l), m.number, m.issued.UTC().Format(time.RFC3339), l.path, r.path)
}

// note remembers a list that is in force.
func (r *record) note(authority *x509.Certificate, l *list) {
	r.mu.Lock()
	defer r.mu.Unlock()
	key := heldBy(authority)
	m, known := r.marks[key]
	switch {
	case known && (m.after(l) || m.number.Cmp(number(l)) == 0 && m.issued.Equal(l.ThisUpdate)):
		return
	case !known && len(r.marks) >= maxMarks:
		r.failure = fmt.Errorf("%s has %d authorities, and no more fit: stop the server and remove it once the newest lists are in their places", r.path, maxMarks)
		return
	}
	r.marks[key], r.unsaved = mark{authority, number(l), l.ThisUpdate}, true
}

// save writes what is not written yet, and tries again what failed. What is in
// force does not wait for it.
func (r *record) save() (changed bool, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.unsaved || r.path == "" {
		return false, r.failure
	}
	before := r.failure
	r.failure = r.write()
	r.unsaved = r.failure != nil
	return (before == nil) != (r.failure == nil), r.failure
}

// write writes the file whole; mu is held.
func (r *record) write() error {
	file := recorded{Format: recordFormat, Authorities: []recordedOne{}}
	for _, key := range slices.Sorted(maps.Keys(r.marks)) {
		m := r.marks[key]
		file.Authorities = append(file.Authorities, recordedOne{
			m.authority.Subject.String(), m.number.String(), m.issued.UTC().Format(time.RFC3339), base64.StdEncoding.EncodeToString(m.authority.Raw),
		})
	}
	text, err := json.MarshalIndent(file, "", "  ")
	if err == nil {
		err = keyfile.Replace(r.path, append(text, '\n'))
	}
	if err != nil {
		return fmt.Errorf("the newest revocation lists are not remembered beyond a restart: %w", err)
	}
	return nil
}

func (r *record) trouble() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.failure
}

// authorities are those of the marks.
func (r *record) authorities() []*x509.Certificate {
	if r == nil {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	var all []*x509.Certificate
	for _, key := range slices.Sorted(maps.Keys(r.marks)) {
		all = append(all, r.marks[key].authority)
	}
	return all
}
