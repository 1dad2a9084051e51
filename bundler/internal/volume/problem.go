package volume

import (
	"fmt"
	"strings"
)

// ProblemKind says what is wrong with a file of a bundle.
type ProblemKind string

// The kinds of problem.
const (
	Missing    ProblemKind = "missing"
	Truncated  ProblemKind = "truncated"
	Longer     ProblemKind = "longer"     // bytes behind the signed end
	Damaged    ProblemKind = "damaged"    // other bytes than the signed ones
	Unreadable ProblemKind = "unreadable" // the medium gives an error
	Swapped    ProblemKind = "swapped"    // another volume of this bundle under this name
	Foreign    ProblemKind = "foreign"    // a volume of another bundle
	Irregular  ProblemKind = "irregular"  // a link, directory, FIFO or device
	Extra      ProblemKind = "extra"      // carries the bundle's name and is none of its files
)

// Problem is one file of a bundle that is not as it was signed.
type Problem struct {
	Kind   ProblemKind `json:"kind"`
	File   string      `json:"file"`
	Detail string      `json:"detail"`
	// Items are those with bytes in the damage, Entries the tar entries, of
	// which a header counts as the entry that it introduces. Both are sorted
	// and hold at most [MaxNamed] names.
	Items   []string `json:"items,omitempty"`
	Entries []string `json:"entries,omitempty"`
}

// MaxNamed is the most names that a problem lists of one sort.
const MaxNamed = 1000

// String is the problem on one line.
func (p Problem) String() string {
	text := fmt.Sprintf("%s: %s: %s", p.File, p.Kind, p.Detail)
	if len(p.Items) > 0 {
		text += "; it concerns " + nameList(p.Items)
	}
	return text
}

// Damage is the error of a bundle whose files are not as they were signed. The
// exit code of a run that it ends is that of damaged media.
type Damage struct {
	Bundle   string
	Problems []Problem
	// Repairable: parity suffices to rebuild what is wrong ([Set.Repair]).
	Repairable bool
}

// Error names every file and what to do.
func (d *Damage) Error() string {
	lines := make([]string, 0, len(d.Problems)+1)
	for _, p := range d.Problems {
		lines = append(lines, p.String())
	}
	return fmt.Sprintf("bundle %s: %d files are not as they were signed; %s\n  %s", d.Bundle, len(d.Problems), d.next(), strings.Join(lines, "\n  "))
}

func (d *Damage) next() string {
	if d.Repairable {
		return "parity suffices to repair them"
	}
	return "bring exactly these files again:"
}

// Report is what a verification found.
type Report struct {
	Bundle   string    `json:"bundle"`
	Files    int       `json:"files"` // that the envelope lists
	Bytes    int64     `json:"bytes"` // that were hashed
	Problems []Problem `json:"problems,omitempty"`
}
