package assemble

import (
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/artifact"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/volume"
)

// Phase is a part of a run.
type Phase string

// The phases, in the order in which a run has them.
const (
	Resolving  Phase = "resolve" // tags to digests, evidence
	Judging    Phase = "judge"   // items of a lock that exists
	Collecting Phase = "collect" // blobs into the store
	Packing    Phase = "pack"    // blobs into the volumes
)

// EventKind is what an event tells.
type EventKind string

// The kinds of event.
const (
	Started  EventKind = "started"  // Phase begins, over Count items and Bytes
	Item     EventKind = "item"     // Item is resolved or judged; Bytes is its size
	Kept     EventKind = "kept"     // Bytes of Blob are there from an earlier run
	Moved    EventKind = "moved"    // Bytes more of Blob arrived
	Whole    EventKind = "whole"    // Blob is whole and verified
	File     EventKind = "file"     // File is written, Bytes long
	Resuming EventKind = "resuming" // with the lock of a run that did not end
	Restart  EventKind = "restart"  // what an earlier run left is of another bundle, and gone
)

// Event is one step of progress. Rates and times follow from Bytes: those of
// Kept and Moved add up to those of Started.
type Event struct {
	Phase Phase           `json:"phase"`
	Kind  EventKind       `json:"kind"`
	Item  string          `json:"item,omitempty"`
	Blob  artifact.Digest `json:"blob,omitempty"`
	File  string          `json:"file,omitempty"`
	Bytes int64           `json:"bytes,omitempty"`
	Count int             `json:"count,omitempty"`
}

// ofVolumes passes on what the writer of volumes tells.
func (r *run) ofVolumes(e volume.Event) {
	kinds := map[volume.EventKind]EventKind{
		volume.Reused: Kept, volume.Advanced: Moved, volume.Finished: Whole, volume.Hashed: File, volume.Discard: Restart,
	}
	if kind, ok := kinds[e.Kind]; ok {
		r.Progress(Event{Phase: Packing, Kind: kind, Blob: e.Blob.Digest, File: e.File, Bytes: e.Bytes})
	}
}
