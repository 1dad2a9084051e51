// Package volume writes the volumes of a bundle and reads them back: one pass
// from sources to finished files, verification, parity and repair.
//
// # Writing
//
// Every volume is allocated at its full size and filled at the offsets that
// package archive computed, several blobs at a time. A blob is hashed while it
// streams; the volume is hashed from its start behind the writers, out of the
// page cache. Nothing is written twice and nothing is held in memory but a few
// buffers.
//
// Until everything is there, the files lie in DIR/.NAME.partial, with a journal
// of what has arrived. A run that was killed is continued by the same call. The
// journal is only a hint: what it claims is hashed again, never believed.
//
// # Reading
//
// A [Set] opens the files that a verified envelope lists. It parses nothing on
// them: sizes, hashes and headers are compared with what they must be.
package volume

import (
	"errors"
	"fmt"

	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/artifact"
)

// The limits of parity. Reed-Solomon over GF(2^8) counts data and parity
// together.
const (
	MaxParity = 32
	MaxShards = 255
)

// bufferSize is that of one read from a source and of one hash of a volume.
const bufferSize = 256 << 10

// EventKind is what an event tells.
type EventKind string

// The kinds of event.
const (
	Reused   EventKind = "reused"   // Bytes of Blob were there from an earlier run; not yet verified
	Opened   EventKind = "opened"   // Blob is being fetched, from offset Bytes on; from 0 when what was reused was wrong
	Advanced EventKind = "advanced" // Bytes more of Blob were written
	Finished EventKind = "finished" // Blob is whole and verified
	Hashed   EventKind = "hashed"   // File is whole, hashed and flushed
	Discard  EventKind = "discard"  // an earlier run of another layout was thrown away
	Checked  EventKind = "checked"  // Bytes more of File were verified
	Repaired EventKind = "repaired" // File was rebuilt from parity
)

// Event is one step of progress. Events of different blobs and files come from
// different goroutines.
type Event struct {
	Kind  EventKind
	Blob  artifact.Blob
	File  string
	Bytes int64
}

// CheckParity says what is wrong with a number of parity files for a number of
// volumes; nil when nothing is.
func CheckParity(volumes, parity int) error {
	if parity < 0 || parity > MaxParity {
		return fmt.Errorf("%d parity files: ask for 0 to %d", parity, MaxParity)
	}
	if parity > 0 && volumes+parity > MaxShards {
		return fmt.Errorf("%d volumes and %d parity files: parity is computed over at most %d files; ask for larger volumes, or make several bundles", volumes, parity, MaxShards)
	}
	return nil
}

// ErrSpace is the error of a file system with too little free space.
var ErrSpace = errors.New("not enough free space")
