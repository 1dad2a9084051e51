package assemble

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/artifact"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/bundlertest"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/envelope"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/lock"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/receipt"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/spec"
	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/platformtest"
)

// mixed is a bundle of everything: by tag, by range, by expression, a multi-arch
// index, a file, in several volumes with parity.
func mixed(t *testing.T, f *fixture) Options {
	t.Helper()
	r := f.registry
	f.image(t, "team/app", "1.4.2", 1)
	for i, tag := range []string{"1.4.0", "1.9.0", "2.0.0", "latest"} {
		f.image(t, "team/tool", tag, uint64(10+i))
	}
	amd := r.PushImage(t, "team/multi", "", bundlertest.AMD64, bundlertest.Layer(20, 500_000))
	arm := r.PushImage(t, "team/multi", "", bundlertest.ARM64, bundlertest.Layer(21, 500_000))
	f.vendor.sign(t, r, "team/multi", r.PushIndex(t, "team/multi", "v1.0", amd, arm).Digest)
	h := r.Host
	o := f.options(t, bundleYAML("volumes: {size: 2MiB, parity: 1}", "images:",
		"  - {ref: \""+h+"/team/app:1.4.2\", platforms: [linux/amd64], trust: vendor}",
		"  - {repo: "+h+"/team/tool, versions: \">=1.4 <2\"}",
		"  - {repo: "+h+"/team/multi, tags: \"v1.*\", platforms: [linux/amd64], marking: UNCLASSIFIED}",
		"files:", "  - {name: tools/run, path: run.sh}"), f.policyYAML(f.sources()))
	if err := os.WriteFile(filepath.Join(o.Folder, "run.sh"), []byte("#!/bin/sh\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return o
}

// TestCreateIsLockCollectAndPack: one pass gives the same bytes as three steps,
// and the far side finds nothing wrong with them.
func TestCreateIsLockCollectAndPack(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	o := mixed(t, f)
	once, steps := t.TempDir(), t.TempDir()
	p := f.pack(once)
	p.Volumes = o.Spec.Volumes
	bundle, err := Create(t.Context(), o, nil, p)
	if err != nil {
		t.Fatal(err)
	}
	names := []string{}
	for _, item := range bundle.Lock.Items {
		names = append(names, strings.TrimPrefix(item.Name, f.registry.Host+"/"))
	}
	if want := []string{"team/app:1.4.2", "team/multi:v1.0", "team/tool:1.4.0", "team/tool:1.9.0", "files/tools/run"}; !slices.Equal(names, want) {
		t.Errorf("items %v, want %v", names, want)
	}
	if e := f.verify(t, once); len(e.Volumes) < 3 || len(e.Parity) != 1 || e.Expires.Sub(e.Created) != o.Spec.ValidFor {
		t.Errorf("%d volumes, %d parity files, expires %s", len(e.Volumes), len(e.Parity), e.Expires)
	}

	l, err := Resolve(t.Context(), o, nil)
	if err != nil {
		t.Fatal(err)
	}
	store := openStore(t, t.TempDir())
	if _, err := Collect(t.Context(), o, l, store, nil); err != nil {
		t.Fatal(err)
	}
	f.registry.Inject(bundlertest.On("", unreachable)) // pack needs no network
	p.Dir = steps
	if _, err := Pack(t.Context(), o, l, store, p); err != nil {
		t.Fatal(err)
	}
	same(t, files(t, once), files(t, steps))
	for _, d := range []string{once, steps} {
		if left, _ := filepath.Glob(filepath.Join(d, ".*")); len(left) > 0 {
			t.Errorf("left over: %v", left)
		}
	}
}

// TestBytesCrossOnceAndAreCounted: every layer is sent once, however many images
// stand on it, and progress adds up.
func TestBytesCrossOnceAndAreCounted(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	o := mixed(t, f)
	var seen events
	o.Progress = seen.note
	p := f.pack(t.TempDir())
	bundle, err := Create(t.Context(), o, nil, p)
	if err != nil {
		t.Fatal(err)
	}
	for _, item := range bundle.Lock.Items {
		for _, b := range item.Blobs {
			if sent := f.registry.Sent(b.Digest); item.Kind == lock.KindImage && (sent.Whole != 1 || sent.Bytes != b.Size) {
				t.Errorf("%s: %s of %d bytes was sent %d times, %d bytes", item.Name, b.Digest, b.Size, sent.Whole, sent.Bytes)
			}
		}
	}
	if total, moved := seen.bytes(Packing, Started), seen.bytes(Packing, Moved, Kept); total != bundle.Lock.Size() || moved != total {
		t.Errorf("progress tells of %d bytes and then of %d, want %d", total, moved, bundle.Lock.Size())
	}
}

// TestSameLockSameBytes with any parallelism, order, time, user's folder, and
// umask of files; the spec's order changes the lock in the spec's digest alone.
func TestSameLockSameBytes(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	images := []string{}
	for i := range 6 {
		repository := fmt.Sprintf("team/app-%d", i)
		f.image(t, repository, "1.0", uint64(i))
		images = append(images, "  - {ref: \""+f.registry.Host+"/"+repository+":1.0\"}")
	}
	policy := f.policyYAML(f.sources())
	yaml := func(list []string) string { return bundleYAML(append([]string{"images:"}, list...)...) }
	o := f.options(t, yaml(images), policy)
	l, err := Resolve(t.Context(), o, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{}
	for i, parallel := range []int{1, 16, 4} {
		o.Parallel = parallel
		shuffled := *l
		shuffled.Items = slices.Clone(l.Items)
		rand.Shuffle(len(shuffled.Items), func(a, b int) {
			shuffled.Items[a], shuffled.Items[b] = shuffled.Items[b], shuffled.Items[a]
		})
		if err := shuffled.Arrange(); err != nil {
			t.Fatal(err)
		}
		p := f.pack(t.TempDir())
		p.Volumes = spec.Volumes{Size: 3 << 20, Parity: 1}
		if _, err := Create(t.Context(), o, &shuffled, p); err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			want = files(t, p.Dir)
			continue
		}
		same(t, want, files(t, p.Dir))
	}

	slices.Reverse(images)
	other, err := Resolve(t.Context(), f.options(t, yaml(images), policy), nil)
	if err != nil {
		t.Fatal(err)
	}
	other.Spec = l.Spec
	one, err := lock.Encode(l)
	if err != nil {
		t.Fatal(err)
	}
	if two, err := lock.Encode(other); err != nil || string(one) != string(two) {
		t.Errorf("another order of entries gives another lock: %v", err)
	}
}

// TestSameLockSameBytesForAnotherUser in a process of its own, with another
// home, time zone, language and umask.
func TestSameLockSameBytesForAnotherUser(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	j := f.corpus(t, bundlertest.Corpus{Seed: 5, Images: 3, Bytes: 4 << 20, Signatures: true})
	j.Do, j.Volumes = "create", spec.Volumes{Size: 2 << 20, Parity: 2}
	var want map[string]string
	for i, environment := range [][]string{{"TZ=UTC"}, {"TZ=Pacific/Auckland", "HOME=" + t.TempDir(), "LANG=tr_TR.UTF-8", "USER=nobody"}} {
		j.Dir, j.Umask, j.Parallel = t.TempDir(), []int{0o022, 0o077}[i], []int{1, 16}[i]
		cmd := child(t, j)
		cmd.Env = append(cmd.Env, environment...)
		if err := cmd.Run(); err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			want = files(t, j.Dir)
			continue
		}
		same(t, want, files(t, j.Dir))
	}
}

// TestMeshNamesWhatIsBundled: the image that a product names by digest, with the
// effective marking of the product, and why.
func TestMeshNamesWhatIsBundled(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	d := f.image(t, "team/pipeline", "7", 1)
	f.image(t, "team/pipeline", "7", 2) // the tag has moved on since
	image := f.registry.Host + "/team/pipeline@" + string(d.Digest)
	reader := meshOf(t,
		&catalog.Product{Domain: "sigint", Name: "raw", Marking: "SECRET//NOFORN"},
		&catalog.Product{Domain: "sigint", Name: "tracks", Marking: "UNCLASSIFIED", Pipeline: &catalog.Pipeline{Image: image}},
		&catalog.Product{Domain: "sigint", Name: "alerts", Marking: "SECRET//NOFORN", Inputs: []string{"sigint/raw"}, Pipeline: &catalog.Pipeline{Image: image}})
	o := f.options(t, bundleYAML("mesh:", `  - {endpoint: "https://mesh.example", products: ["sigint/*"]}`), f.policyYAML(f.sources()))
	o.Mesh = func(string) (catalog.Reader, error) { return reader, nil }
	bundle, err := Create(t.Context(), o, nil, f.pack(t.TempDir()))
	if err != nil {
		t.Fatal(err)
	}
	item := bundle.Lock.Items[0]
	const why = "mesh https://mesh.example: product sigint/alerts; mesh https://mesh.example: product sigint/tracks"
	if len(bundle.Lock.Items) != 1 || item.Name != image || item.Marking != "SECRET//NOFORN" || item.Why != why {
		t.Errorf("items %+v", bundle.Lock.Items)
	}
}

// meshOf reads a platform with one domain and these products.
func meshOf(t *testing.T, products ...*catalog.Product) catalog.Reader {
	t.Helper()
	admin := platformtest.Start(t).Admin()
	domain := &catalog.Domain{Name: "sigint", DisplayName: "S", Discipline: catalog.DisciplineSIGINT, Contact: "s@example.org",
		Team: map[string]catalog.Member{"a.analyst": {Role: catalog.RoleOwner}}}
	if _, err := admin.Put(t.Context(), domain, catalog.WriteOptions{}); err != nil {
		t.Fatal(err)
	}
	for _, p := range products {
		p.Title, p.Version = "T", "1.0.0"
		if _, err := admin.Put(t.Context(), p, catalog.WriteOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	return admin
}

// increment is how to pack the bundle after a first one, which the far side
// holds whole: an image on the same layer.
func (f *fixture) increment(t *testing.T) (first *Bundle, o Options, p PackOptions) {
	t.Helper()
	f.image(t, "team/app", "1.0", 1)
	policy, ref := f.policyYAML(f.sources()), func(tag string) string {
		return bundleYAML("images:", "  - {ref: \""+f.registry.Host+"/team/app:"+tag+"\"}")
	}
	first, err := Create(t.Context(), f.options(t, ref("1.0"), policy), nil, f.pack(t.TempDir()))
	if err != nil {
		t.Fatal(err)
	}
	held := receipt.Digests{}
	for _, b := range first.Lock.Blobs {
		held = append(held, b.Digest)
	}
	short, err := held.Held()
	if err != nil {
		t.Fatal(err)
	}
	f.image(t, "team/app", "1.1", 2)
	p = f.pack(t.TempDir())
	p.Previous = first.Envelope
	p.Base = &Base{Receipt: &receipt.Receipt{Held: short}, Held: held}
	return first, f.options(t, ref("1.1"), policy), p
}

// TestIncrementLeavesOutWhatTheFarSideHolds, and says so.
func TestIncrementLeavesOutWhatTheFarSideHolds(t *testing.T) {
	t.Parallel()
	first, o, p := newFixture(t).increment(t)
	held, short := p.Base.Held, p.Base.Receipt.Held
	second, err := Create(t.Context(), o, nil, p)
	if err != nil {
		t.Fatal(err)
	}
	e := second.Envelope
	digest, _ := first.Envelope.Digest()
	if e.Sequence != 2 || e.Previous != digest || e.Base == nil || e.Base.Receipt != short.Root {
		t.Errorf("sequence %d after %s on %v", e.Sequence, e.Previous, e.Base)
	}
	plan, err := NewPlan(t.Context(), second.Lock, spec.Volumes{}, held, nil)
	if err != nil {
		t.Fatal(err)
	}
	const shared = 300_000
	if plan.Held < shared || plan.Travels > plan.Bytes-shared || e.Volumes[0].Size != plan.Volumes[0] {
		t.Errorf("plan %+v, volume of %d bytes", plan, e.Volumes[0].Size)
	}
	p.Base.Held = nil
	for _, b := range second.Lock.Blobs {
		p.Base.Held = append(p.Base.Held, b.Digest)
	}
	p.Dir = t.TempDir()
	if _, err := Create(t.Context(), o, nil, p); !errors.Is(err, ErrNothing) {
		t.Errorf("with everything held: %v", err)
	}
}

// TestIncrementIsCollectedWithoutWhatTheFarSideHolds: no byte of the layer that
// is there already crosses the network again, and the bundle is the same.
func TestIncrementIsCollectedWithoutWhatTheFarSideHolds(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	_, o, p := f.increment(t)
	l, err := Resolve(t.Context(), o, nil)
	if err != nil {
		t.Fatal(err)
	}
	before := map[artifact.Digest]bundlertest.Sent{}
	layers := 0
	for _, b := range l.Blobs {
		before[b.Digest] = f.registry.Sent(b.Digest)
	}
	store := openStore(t, t.TempDir())
	size, err := Collect(t.Context(), o, l, store, p.Base.Held)
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range l.Blobs {
		if p.Base.Held.Contains(b.Digest) && b.Size >= 300_000 {
			layers++
			if sent := f.registry.Sent(b.Digest); sent != before[b.Digest] {
				t.Errorf("%s of %d bytes was sent again", b.Digest, b.Size)
			}
		}
	}
	if layers != 1 || size > l.Size()-300_000 {
		t.Errorf("%d layers left out, %d bytes of %d collected", layers, size, l.Size())
	}
	f.registry.Inject(bundlertest.On("", unreachable)) // pack needs no network
	steps := p
	steps.Dir = t.TempDir()
	if _, err := Pack(t.Context(), o, l, store, steps); err != nil {
		t.Fatal(err)
	}
	f.registry.Inject(nil)
	if _, err := Create(t.Context(), o, l, p); err != nil {
		t.Fatal(err)
	}
	same(t, files(t, p.Dir), files(t, steps.Dir))
	var all receipt.Digests
	for _, b := range l.Blobs {
		all = append(all, b.Digest)
	}
	if _, err := Collect(t.Context(), o, l, store, all); !errors.Is(err, ErrNothing) {
		t.Errorf("with everything held: %v", err)
	}
}

// TestPlanCountsEachBlobOnce and names why each item is there.
func TestPlanCountsEachBlobOnce(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	o := mixed(t, f)
	l, err := Resolve(t.Context(), o, nil)
	if err != nil {
		t.Fatal(err)
	}
	before := f.registry.Requests()
	plan, err := NewPlan(t.Context(), l, o.Spec.Volumes, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	var fresh, own int64
	for _, item := range plan.Items {
		fresh += item.New
		own += item.Bytes
	}
	if fresh != l.Size() || own <= fresh || plan.Fetch != l.Size() || plan.Travels != l.Size() {
		t.Errorf("new %d, own %d, fetch %d, want %d new bytes and fewer than are owned", fresh, own, plan.Fetch, l.Size())
	}
	if f.registry.Requests() != before {
		t.Error("a plan of a lock asks the registry")
	}
	var text strings.Builder
	if err := plan.Text(&text); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"versions >=1.4 <2", "files: tools/run from run.sh", "vendor", "checksum"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("the plan does not say %q:\n%s", want, &text)
		}
	}
}

func unreachable(http.Handler) http.Handler {
	return http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
}

// TestEnvelopeIsWrittenLast: while anything is missing there is no bundle.
func TestEnvelopeIsWrittenLast(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.image(t, "team/app", "1.0", 1)
	o := f.options(t, bundleYAML("images:", "  - {ref: \""+f.registry.Host+"/team/app:1.0\"}"), f.policyYAML(f.sources()))
	p := f.pack(t.TempDir())
	if err := os.Mkdir(filepath.Join(p.Dir, "ops.lock.json"), 0o750); err != nil {
		t.Fatal(err)
	}
	if _, err := Create(t.Context(), o, nil, p); err == nil {
		t.Fatal("a folder in the place of the lock is no error")
	}
	if _, err := os.Stat(filepath.Join(p.Dir, "ops"+envelope.Suffix)); err == nil {
		t.Error("there is an envelope without a lock")
	}
}
