package assemble

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"

	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/archive"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/artifact"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/cas"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/lock"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/receipt"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/spec"
)

// Plan is what a bundle would cost, before anything of it is fetched. All sizes
// are in bytes.
type Plan struct {
	Name    string     `json:"name"`
	Marking string     `json:"marking"`
	Items   []PlanItem `json:"items"`
	// Blobs is how many blobs there are, each counted once, and Bytes their
	// size.
	Blobs int   `json:"blobs"`
	Bytes int64 `json:"bytes"`
	// Held is what the far side has by its receipt, and Travels what does not.
	Held    int64 `json:"held"`
	Travels int64 `json:"travels"`
	// Fetch is what of it is not in the store.
	Fetch int64 `json:"fetch"`
	// Volumes are the sizes of the volumes, tar headers included; Parity is the
	// size of all parity files together.
	Volumes []int64 `json:"volumes"`
	Parity  int64   `json:"parity"`
}

// PlanItem is one item. Bytes is its own size; New is what no item before it
// has, and travels.
type PlanItem struct {
	Name    string       `json:"name"`
	Kind    lock.Kind    `json:"kind"`
	Marking string       `json:"marking"`
	Why     string       `json:"why"`
	Verdict lock.Verdict `json:"verdict"`
	Bytes   int64        `json:"bytes"`
	New     int64        `json:"new"`
}

// ErrNothing is the error of an increment that would be empty.
var ErrNothing = errors.New("the far side holds everything by its receipt; no bundle is needed")

// NewPlan computes what packing the lock would take, without fetching anything
// and without writing anything. held is what the far side has, nil for nothing;
// store is where blobs may be already, nil for nowhere.
func NewPlan(ctx context.Context, l *lock.Lock, v spec.Volumes, held receipt.Digests, store *cas.Store) (*Plan, error) {
	layout, out, err := layOut(l, v, held)
	if err != nil {
		return nil, err
	}
	p := &Plan{Name: l.Name, Marking: l.Marking, Blobs: len(l.Blobs), Bytes: l.Size()}
	for _, volume := range layout.Volumes {
		p.Volumes = append(p.Volumes, volume.Size)
	}
	p.Parity = int64(v.Parity) * layout.MaxVolume()
	p.items(l, out)
	missing := layout.Blobs()
	p.Travels = sum(missing)
	if store != nil {
		if missing, err = store.Missing(ctx, missing); err != nil {
			return nil, err
		}
	}
	p.Fetch, p.Held = sum(missing), p.Bytes-p.Travels
	return p, nil
}

func (p *Plan) items(l *lock.Lock, out map[artifact.Digest]bool) {
	counted := make(map[artifact.Digest]bool, len(l.Blobs))
	for i := range l.Items {
		item := &l.Items[i]
		row := PlanItem{Name: item.Name, Kind: item.Kind, Marking: item.Marking, Why: item.Why, Verdict: item.Verdict}
		own := map[artifact.Digest]bool{}
		for d := range item.All() {
			if own[d.Digest] {
				continue
			}
			own[d.Digest] = true
			row.Bytes += d.Size
			if !counted[d.Digest] && !out[d.Digest] {
				row.New += d.Size
			}
			counted[d.Digest] = true
		}
		p.Items = append(p.Items, row)
	}
}

// layOut computes the volumes, and what stays behind because the far side has
// it.
func layOut(l *lock.Lock, v spec.Volumes, held receipt.Digests) (*archive.Layout, map[artifact.Digest]bool, error) {
	text, err := lock.Encode(l)
	if err != nil {
		return nil, nil, err
	}
	out, err := leftOut(l, held)
	if err != nil {
		return nil, nil, err
	}
	layout, err := archive.New(l, blobOf(text).Digest, out, v.Size)
	return layout, out, err
}

// traveling are the blobs that the far side is sent.
func traveling(l *lock.Lock, held receipt.Digests) ([]artifact.Blob, error) {
	out, err := leftOut(l, held)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(slices.Clone(l.Blobs), func(b artifact.Blob) bool { return out[b.Digest] }), nil
}

// leftOut are the configs and layers that the far side has. Manifests and
// evidence always travel: what crosses is judged from what was carried. It is
// [ErrNothing] when the far side has all.
func leftOut(l *lock.Lock, held receipt.Digests) (map[artifact.Digest]bool, error) {
	if !slices.ContainsFunc(l.Blobs, func(b artifact.Blob) bool { return !held.Contains(b.Digest) }) {
		return nil, ErrNothing
	}
	out := map[artifact.Digest]bool{}
	for _, b := range l.Blobs {
		if held.Contains(b.Digest) {
			out[b.Digest] = true
		}
	}
	for i := range l.Items {
		item := &l.Items[i]
		for _, d := range item.Manifests {
			delete(out, d.Digest)
		}
		for _, e := range item.Evidence {
			delete(out, e.Manifest.Digest)
			for _, d := range e.Blobs {
				delete(out, d.Digest)
			}
		}
		delete(out, item.Root.Digest)
	}
	return out, nil
}

// Text writes the plan as a table.
func (p *Plan) Text(to io.Writer) error {
	fmt.Fprintf(to, "bundle %s, %s\n\n", p.Name, p.Marking)
	table := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "ITEM\tSIZE\tNEW\tVOUCHED FOR BY\tWHY")
	for _, item := range p.Items {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", item.Name, human(item.Bytes), human(item.New), vouched(item.Verdict), item.Why)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	var volumes int64
	for _, size := range p.Volumes {
		volumes += size
	}
	fmt.Fprintf(to, "\n%d items, %d blobs: %s\n", len(p.Items), p.Blobs, human(p.Bytes))
	fmt.Fprintf(to, "  held by the far side    %s\n", human(p.Held))
	fmt.Fprintf(to, "  to be fetched           %s\n", human(p.Fetch))
	fmt.Fprintf(to, "  volumes                 %d: %s\n", len(p.Volumes), human(volumes))
	_, err := fmt.Fprintf(to, "  parity                  %s\n", human(p.Parity))
	return err
}

// human is a size for people, three digits and more.
func human(size int64) string {
	value, unit := float64(size), 0
	for value >= 1024 && unit < 4 {
		value, unit = value/1024, unit+1
	}
	if unit == 0 {
		return fmt.Sprintf("%d B", size)
	}
	return fmt.Sprintf("%.1f %s", value, []string{"", "KiB", "MiB", "GiB", "TiB"}[unit])
}

func vouched(v lock.Verdict) string {
	if v.Trusted == "" {
		return "nobody (allowed)"
	}
	return v.Trusted
}
