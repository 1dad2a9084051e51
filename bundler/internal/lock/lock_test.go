package lock

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"os"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/artifact"
)

func digest(text string) artifact.Digest {
	return artifact.DigestOf(sha256.Sum256([]byte(text)))
}

func blob(text, mediaType string, size int64) artifact.Descriptor {
	return artifact.Descriptor{Blob: artifact.Blob{Digest: digest(text), Size: size}, MediaType: mediaType}
}

const (
	layerType    = "application/vnd.oci.image.layer.v1.tar+gzip"
	evidenceType = "application/vnd.dev.sigstore.bundle.v0.3+json"
)

// example is a lock of each kind of item.
func example(t testing.TB) *Lock {
	t.Helper()
	amd64 := blob("amd64", artifact.MediaTypeOCIManifest, 500)
	amd64.Platform = &artifact.Platform{OS: "linux", Architecture: "amd64"}
	arm64 := blob("arm64", artifact.MediaTypeOCIManifest, 501)
	arm64.Platform = &artifact.Platform{OS: "linux", Architecture: "arm64", Variant: "v8"}
	root := blob("index", artifact.MediaTypeOCIIndex, 700)
	signature := blob("signature", artifact.MediaTypeOCIManifest, 300)
	signature.ArtifactType = evidenceType
	l := &Lock{
		Version: Version, Name: "ops-monthly", Stream: "ops", Marking: "SECRET//REL TO USA, FVEY", Spec: digest("spec"),
		Items: []Item{
			{
				Name: "registry.example/team/app:1.4.2", Kind: KindImage, Marking: "UNCLASSIFIED", Why: `images[0] of bundle.yaml: versions ">=1.4 <2"`,
				Repository: "registry.example/team/app", Tag: "1.4.2", Root: root, Manifests: []artifact.Descriptor{amd64, arm64},
				Blobs: []artifact.Descriptor{blob("base", layerType, 1<<30), blob("config", "application/vnd.oci.image.config.v1+json", 900), blob("empty", layerType, 0)},
				Evidence: []Evidence{
					{Form: FormReferrer, Subject: root.Digest, Manifest: signature, Blobs: []artifact.Descriptor{blob("sig", evidenceType, 4000)}},
					{Form: FormSignatureTag, Tag: "sha256-" + root.Digest.Hex() + ".sig", Subject: root.Digest, Manifest: blob("tagged", artifact.MediaTypeOCIManifest, 299), Blobs: []artifact.Descriptor{}},
					{Form: FormReferrer, Subject: signature.Digest, Manifest: blob("countersignature", artifact.MediaTypeOCIManifest, 298), Blobs: nil},
				},
				Verdict: Verdict{Trusted: "vendor-a", Signers: []string{"sha256:key-b", "sha256:key-a"}},
			},
			{
				Name: "registry.example/charts/app@" + string(digest("chart")), Kind: KindArtifact, Marking: "UNCLASSIFIED", Why: "artifacts[0]",
				Repository: "registry.example/charts/app", Root: blob("chart", artifact.MediaTypeOCIManifest, 400),
				Blobs: []artifact.Descriptor{blob("base", layerType, 1<<30)}, Verdict: Verdict{Unsigned: "registry.example/charts/app@" + string(digest("chart"))},
			},
			{
				Name: "files/tools/kubectl", Kind: KindFile, Marking: "UNCLASSIFIED", Why: "files[0]", Repository: "files/tools/kubectl",
				Root: blob("wrapper", artifact.MediaTypeOCIManifest, 410), Blobs: []artifact.Descriptor{blob("kubectl", "application/octet-stream", 5000)},
				Verdict: Verdict{Trusted: Checksum}, Source: "https://dl.example/kubectl",
			},
		},
	}
	if err := l.Arrange(); err != nil {
		t.Fatal(err)
	}
	return l
}

func encoded(t testing.TB, l *Lock) []byte {
	t.Helper()
	text, err := Encode(l)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestEncodeAndDecode(t *testing.T) {
	t.Parallel()
	l := example(t)
	text := encoded(t, l)
	again, err := Decode(text)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(again, l) {
		t.Errorf("reads back as %+v", again)
	}
	if len(l.Blobs) != 13 || l.Size() == 0 {
		t.Errorf("%d blobs of %d bytes, want 13", len(l.Blobs), l.Size())
	}
	if !bytes.Contains(text, []byte(`versions \">=1.4 <2\"`)) {
		t.Error("a range cannot be read in the text")
	}
}

// TestTheFormatStaysAsItIs: a lock that somebody committed must stay readable.
func TestTheFormatStaysAsItIs(t *testing.T) {
	t.Parallel()
	want, err := os.ReadFile("testdata/bundle.lock")
	if err != nil {
		t.Fatal(err)
	}
	if got := encoded(t, example(t)); !bytes.Equal(got, want) {
		t.Errorf("the canonical text changed:\n%s", got)
	}
}

// TestAnyOrderGivesTheSameLock: registries answer in any order.
func TestAnyOrderGivesTheSameLock(t *testing.T) {
	t.Parallel()
	want := encoded(t, example(t))
	for seed := range uint64(50) {
		l, r := example(t), rand.New(rand.NewPCG(seed, 0))
		shuffle(r, l.Items)
		for i := range l.Items {
			item := &l.Items[i]
			item.Blobs = append(item.Blobs, item.Blobs[0])
			shuffle(r, item.Manifests)
			shuffle(r, item.Blobs)
			shuffle(r, item.Evidence)
			shuffle(r, item.Verdict.Signers)
		}
		if err := l.Arrange(); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(encoded(t, l), want) {
			t.Fatalf("seed %d gives another text", seed)
		}
	}
}

func shuffle[T any](r *rand.Rand, list []T) {
	r.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
}

// TestOneBlobOfTwoSizes: whoever told two stories lied once.
func TestOneBlobOfTwoSizes(t *testing.T) {
	t.Parallel()
	l := example(t)
	base := slices.IndexFunc(l.Items[2].Blobs, func(d artifact.Descriptor) bool { return d.Digest == digest("base") })
	l.Items[2].Blobs[base].Size++
	if err := l.Arrange(); err == nil || !strings.Contains(err.Error(), "in one place") {
		t.Errorf("Arrange: %v", err)
	}
}

// TestALockThatWasEditedIsRefused: each text means the same to some reader, or
// hides something from one.
func TestALockThatWasEditedIsRefused(t *testing.T) {
	t.Parallel()
	text := string(encoded(t, example(t)))
	for name, edit := range map[string][2]string{
		"duplicate key":              {`  "name": "ops-monthly",`, "  \"name\": \"evil\",\n  \"name\": \"ops-monthly\","},
		"duplicate key, same value":  {`  "stream": "ops",`, "  \"stream\": \"ops\",\n  \"stream\": \"ops\","},
		"case variant of a key":      {`  "name": "ops-monthly",`, `  "Name": "ops-monthly",`},
		"case variant beside a key":  {`  "name": "ops-monthly",`, "  \"NAME\": \"evil\",\n  \"name\": \"ops-monthly\","},
		"unknown key":                {`  "version": 1,`, "  \"version\": 1,\n  \"extra\": 1,"},
		"another blank":              {`"version": 1`, `"version":  1`},
		"carriage return":            {"\n", "\r\n"},
		"escaped letter":             {`"ops-monthly"`, `"ops-monthl\u0079"`},
		"escaped slash":              {`"files/tools/kubectl"`, `"files\/tools/kubectl"`},
		"number written otherwise":   {`"size": 500`, `"size": 5e2`},
		"number out of range":        {`"size": 500`, `"size": 99999999999999999999`},
		"negative size":              {`"size": 500`, `"size": -500`},
		"version of the future":      {`"version": 1`, `"version": 2`},
		"null list":                  {`"blobs": []`, `"blobs": null`},
		"empty field written":        {`"kind": "artifact"`, "\"kind\": \"artifact\",\n      \"tag\": \"\""},
		"half of a surrogate pair":   {"artifacts[0]", `\ud800`},
		"invalid UTF-8":              {"artifacts[0]", "\xff"},
		"control character":          {"artifacts[0]", `\u001b[2J`},
		"bidirectional override":     {"artifacts[0]", "\u202e"},
		"upper-case digest":          {string(digest("base")), strings.ToUpper(string(digest("base")))},
		"digest that is a path":      {digest("base").Hex(), "../../../../../../../../../../../../../../../../../../etc/passwd12"},
		"blob that nobody asked for": {`"blobs": [` + "\n    {\n      \"digest\": \"", "\"blobs\": [\n    {\n      \"digest\": \"sha256:" + strings.Repeat("0", 64) + "\",\n      \"size\": 1\n    },\n    {\n      \"digest\": \""},
		"another media type":         {`"mediaType": "` + artifact.MediaTypeOCIIndex, `"mediaType": "text/html`},
		"name of another repository": {`"name": "registry.example/team/app:1.4.2"`, `"name": "registry.example/team/apq:1.4.2"`},
		"evidence about another":     {`"subject": "` + string(digest("signature")), `"subject": "` + string(digest("elsewhere"))},
		"tag of other evidence":      {".sig\"", ".att\""},
		"verdict about another":      {`"unsigned": "registry.example/charts/app`, `"unsigned": "registry.example/charts/apq`},
		"both verdicts":              {`"trusted": "checksum"`, "\"trusted\": \"checksum\",\n        \"unsigned\": \"files/tools/kubectl\""},
		"credentials in a source":    {"https://dl.example", "https://user:secret@dl.example"},
		"token in a source":          {"dl.example/kubectl", "dl.example/kubectl?token=x"},
		"file that leaves its place": {"files/tools/kubectl", "files/../kubectl"},
		"device name":                {"files/tools/kubectl", "files/tools/nul.txt"},
		"host in another spelling":   {"registry.example/charts", "Registry.example/charts"},
		"name of a bundle as a path": {`"ops-monthly"`, `"../monthly"`},
		"platform in another form":   {`"os": "linux"`, `"os": "Linux"`},
	} {
		edited := strings.ReplaceAll(text, edit[0], edit[1])
		if edited == text {
			t.Errorf("%s: nothing was edited", name)
		} else if _, err := Decode([]byte(edited)); err == nil {
			t.Errorf("%s: is read", name)
		} else if strings.ContainsAny(err.Error(), "\x1b\u202e") {
			t.Errorf("%s: the error reaches the terminal raw: %q", name, err)
		}
	}
	for _, edited := range []string{"", "{}", "null", "[]", text + "\n", text + text, " " + text, "\ufeff" + text, text[:len(text)-1], text[:len(text)/2]} {
		if _, err := Decode([]byte(edited)); err == nil {
			t.Errorf("%.40q… is read", edited)
		}
	}
}

// TestEveryByteMatters: no byte of a lock can change unseen, so that its digest
// is that of what it says.
func TestEveryByteMatters(t *testing.T) {
	t.Parallel()
	text := encoded(t, example(t))
	for i := range text {
		edited := slices.Clone(text)
		edited[i] ^= []byte{0x20, 1}[i%2]
		if l, err := Decode(edited); err == nil && !bytes.Equal(encoded(t, l), edited) {
			t.Fatalf("byte %d as %q: is read, and means another text", i, edited[i])
		}
	}
}

// TestEncodeRefusesWhatDecodeWould: a lock that is written can be read.
func TestEncodeRefusesWhatDecodeWould(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(*Lock){
		"no items":            func(l *Lock) { l.Items, l.Blobs = nil, nil },
		"unsorted items":      func(l *Lock) { l.Items[0], l.Items[1] = l.Items[1], l.Items[0] },
		"unsorted blobs":      func(l *Lock) { slices.Reverse(l.Blobs) },
		"a blob too many":     func(l *Lock) { l.Blobs = append(l.Blobs, artifact.Blob{Digest: digest("x"), Size: 1}) },
		"a blob too few":      func(l *Lock) { l.Blobs = l.Blobs[1:] },
		"a huge blob":         func(l *Lock) { l.Items[0].Blobs[0].Size = MaxBlobSize + 1 },
		"a huge manifest":     func(l *Lock) { l.Items[0].Root.Size = artifact.MaxMetadata + 1 },
		"an empty manifest":   func(l *Lock) { l.Items[0].Root.Size = 0 },
		"an unknown kind":     func(l *Lock) { l.Items[0].Kind = "script" },
		"an unknown form":     func(l *Lock) { l.Items[2].Evidence[0].Form = "rumour" },
		"a root below itself": func(l *Lock) { l.Items[2].Manifests[0] = l.Items[2].Root },
		"children of a leaf":  func(l *Lock) { l.Items[1].Manifests = l.Items[2].Manifests },
		"a marking missing":   func(l *Lock) { l.Items[0].Marking = "" },
		"too much to say":     func(l *Lock) { l.Items[0].Why = strings.Repeat("a", MaxText+1) },
		"signers unsorted":    func(l *Lock) { slices.Reverse(l.Items[2].Verdict.Signers) },
		"invalid UTF-8":       func(l *Lock) { l.Items[0].Why = "\xff" },
		"a file with a tag":   func(l *Lock) { l.Items[0].Tag = "latest" },
		"no name":             func(l *Lock) { l.Name = "" },
	} {
		l := example(t)
		spoil(l)
		if text, err := Encode(l); err == nil {
			t.Errorf("%s: is written:\n%s", name, text)
		}
	}
}

// TestEndlessEvidenceIsRefused (CVE-2023-46737, CVE-2024-45395).
func TestEndlessEvidenceIsRefused(t *testing.T) {
	t.Parallel()
	l := example(t)
	item := &l.Items[slices.IndexFunc(l.Items, func(i Item) bool { return i.Kind == KindImage })]
	for i := range MaxEvidence {
		item.Evidence = append(item.Evidence, Evidence{Form: FormReferrer, Subject: item.Root.Digest, Manifest: blob(fmt.Sprint(i), artifact.MediaTypeOCIManifest, 5)})
	}
	if err := l.Arrange(); err != nil {
		t.Fatal(err)
	}
	if _, err := Encode(l); err == nil || !strings.Contains(err.Error(), "more than 100") {
		t.Errorf("is written: %v", err)
	}
}

// TestEvidenceAboutItself: a ring of evidence is about nothing (attack of the
// cyclic graph).
func TestEvidenceAboutItself(t *testing.T) {
	t.Parallel()
	ring := func(a, b string) []Evidence {
		return []Evidence{
			{Form: FormReferrer, Subject: digest(a), Manifest: blob(b, artifact.MediaTypeOCIManifest, 5)},
			{Form: FormReferrer, Subject: digest(b), Manifest: blob(a, artifact.MediaTypeOCIManifest, 5)},
		}
	}
	chain := func(root artifact.Digest, length int) []Evidence {
		var all []Evidence
		for i := range length {
			m := blob(fmt.Sprint("link", i), artifact.MediaTypeOCIManifest, 5)
			all = append(all, Evidence{Form: FormReferrer, Subject: root, Manifest: m})
			root = m.Digest
		}
		return all
	}
	for _, tt := range []struct {
		evidence []Evidence
		want     bool
	}{
		{ring("a", "b"), false},
		{ring("a", "a"), false},
		{chain(digest("wrapper"), MaxEvidenceDepth), true},
		{chain(digest("wrapper"), MaxEvidenceDepth+1), false},
	} {
		l := example(t)
		l.Items[0].Evidence = tt.evidence
		if err := l.Arrange(); err != nil {
			t.Fatal(err)
		}
		if _, err := Encode(l); (err == nil) != tt.want {
			t.Errorf("%d pieces: %v, want %t", len(tt.evidence), err, tt.want)
		}
	}
}

// TestManyValuesInFewBytes: three bytes of text can ask for four hundred of
// memory.
func TestManyValuesInFewBytes(t *testing.T) {
	for name, unit := range map[string]string{"objects": "{},", "nulls": "null,", "lists": "[],"} {
		dense := strings.Repeat(unit, MaxBytes/len(unit)-100)
		sparse := strings.Repeat(unit+strings.Repeat(" ", bytesPerMember), 50_000)
		less := strings.Repeat(unit+strings.Repeat(" ", 2*bytesPerValue), 100_000)
		for _, text := range []string{
			`{"items":[` + dense + `{}]}`, `{"items":[` + sparse + `{}]}`, `{"blobs":[` + sparse + `{}]}`,
			`{"items":[{"manifests":[` + less + `{}]}]}`, `{"items":[{"evidence":[` + less + `{}]}]}`,
		} {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			if _, err := Decode([]byte(text)); err == nil {
				t.Errorf("%s: is read", name)
			}
			runtime.ReadMemStats(&after)
			if spent := after.TotalAlloc - before.TotalAlloc; spent > 24*uint64(len(text)) {
				t.Errorf("%s: allocated %d MiB for %d MiB of text", name, spent>>20, len(text)>>20)
			}
		}
	}
	if _, err := Decode([]byte(strings.Repeat("[", 1<<20))); err == nil || !strings.Contains(err.Error(), "nested") {
		t.Errorf("deep nesting: %v", err)
	}
	if _, err := Decode(make([]byte, MaxBytes+1)); err == nil || !strings.Contains(err.Error(), "limit") {
		t.Errorf("an oversized lock: %v", err)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(encoded(f, example(f)))
	f.Add([]byte(`{"version":1,"items":[{"name":"files/a"}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		l, err := Decode(text)
		if err != nil {
			return
		}
		if !bytes.Equal(encoded(t, l), text) {
			t.Fatal("accepts a text that Encode does not write")
		}
	})
}

// FuzzEncode builds locks from pieces: what Encode writes, Decode reads as the
// same lock.
func FuzzEncode(f *testing.F) {
	f.Add("app", "1.0", "UNCLASSIFIED", "because", int64(5), uint8(3), true)
	f.Fuzz(func(t *testing.T, name, tag, banner, why string, size int64, pieces uint8, index bool) {
		l := example(t)
		i := Item{Name: "registry.example/" + name + ":" + tag, Kind: KindImage, Marking: banner, Why: why, Repository: "registry.example/" + name, Tag: tag, Root: blob(name, artifact.MediaTypeOCIManifest, size)}
		if index {
			i.Root.MediaType = artifact.MediaTypeOCIIndex
			i.Manifests = []artifact.Descriptor{blob(tag+"m", artifact.MediaTypeOCIManifest, 9)}
		}
		for p := range pieces % 8 {
			i.Blobs = append(i.Blobs, blob(fmt.Sprint(why, p), layerType, size))
			i.Evidence = append(i.Evidence, Evidence{Form: FormReferrer, Subject: i.Root.Digest, Manifest: blob(fmt.Sprint(banner, p), artifact.MediaTypeOCIManifest, 7)})
		}
		l.Items = append(l.Items, i)
		if l.Arrange() != nil {
			return
		}
		text, err := Encode(l)
		if err != nil {
			return
		}
		again, err := Decode(text)
		if err != nil {
			t.Fatalf("is not read back: %v\n%s", err, text)
		}
		if !reflect.DeepEqual(again, l) {
			t.Fatalf("reads back as\n%+v\nwant\n%+v", again, l)
		}
	})
}
