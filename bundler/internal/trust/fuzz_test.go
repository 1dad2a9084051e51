package trust

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/secure-systems-lab/go-securesystemslib/dsse"
	"github.com/sigstore/sigstore/pkg/signature/payload"

	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/artifact"
	"github.com/meshwright/terraform-provider-datamesh/internal/strictjson"
)

// isFlaw fails the test unless an error of a reader is a flaw of the evidence.
func isFlaw(t *testing.T, err error) {
	t.Helper()
	if asFlaw(err) == nil {
		t.Fatalf("got error %v, want a flaw", err)
	}
}

// Where the envelope is accepted, the library of DSSE itself reads the same
// payload and computes the same bytes to sign.
func FuzzDSSE(f *testing.F) {
	f.Fuzz(func(t *testing.T, raw []byte) {
		e, err := parseDSSE(raw)
		if err != nil {
			isFlaw(t, err)
			return
		}
		var theirs dsse.Envelope
		if err := json.Unmarshal(raw, &theirs); err != nil {
			t.Skip("they read fewer escapes of base64")
		}
		content, err := theirs.DecodeB64Payload()
		if err != nil || !bytes.Equal(content, e.payload) || theirs.PayloadType != e.payloadType || len(theirs.Signatures) != len(e.signatures) {
			t.Fatalf("got %+v, they read %+v (%v)", e, theirs, err)
		}
		if !bytes.Equal(e.claim().signed, dsse.PAE(theirs.PayloadType, content)) {
			t.Fatal("the bytes to sign differ from theirs")
		}
	})
}

// Where the statement is accepted, encoding/json reads the same in it.
func FuzzStatement(f *testing.F) {
	f.Fuzz(func(t *testing.T, raw []byte) {
		m, err := parseStatement(raw)
		if err != nil {
			isFlaw(t, err)
			return
		}
		var theirs struct {
			PredicateType string `json:"predicateType"`
			Subject       []struct {
				Digest map[string]any `json:"digest"`
			} `json:"subject"`
		}
		if err := json.Unmarshal(raw, &theirs); err != nil {
			t.Fatalf("accepted %q, encoding/json does not: %v", raw, err)
		}
		if m.predicate != theirs.PredicateType && (m.predicate != "" || theirs.PredicateType != predicateSignature) {
			t.Fatalf("got predicate %q, they read %q", m.predicate, theirs.PredicateType)
		}
		var about []artifact.Digest
		for _, s := range theirs.Subject {
			if text, _ := s.Digest["sha256"].(string); text != "" {
				about = append(about, artifact.Digest("sha256:"+text))
			}
		}
		if !slices.Equal(about, m.about) {
			t.Fatalf("got subjects %q, they read %q", m.about, about)
		}
	})
}

// Where cosign's payload is accepted, Sigstore's own type reads the same digest.
func FuzzSimplePayload(f *testing.F) {
	f.Fuzz(func(t *testing.T, raw []byte) {
		m, err := parseSimplePayload(raw)
		if err != nil {
			isFlaw(t, err)
			return
		}
		var theirs payload.SimpleContainerImage
		if err := json.Unmarshal(raw, &theirs); err != nil {
			t.Skip("they have types for what we do not read")
		}
		if got := theirs.Critical.Image.DockerManifestDigest; len(m.about) != 1 || got != string(m.about[0]) {
			t.Fatalf("got %q, they read %q", m.about, got)
		}
	})
}

// Where a manifest is accepted, encoding/json reads the same descriptors.
func FuzzManifest(f *testing.F) {
	f.Fuzz(func(t *testing.T, raw []byte, index bool) {
		mediaType := artifact.MediaTypeOCIManifest
		if index {
			mediaType = artifact.MediaTypeOCIIndex
		}
		m, err := parseManifest(raw, mediaType)
		if err != nil {
			isFlaw(t, err)
			return
		}
		var theirs struct {
			Config    artifact.Descriptor
			Layers    []artifact.Descriptor
			Manifests []artifact.Descriptor
		}
		if err := json.Unmarshal(raw, &theirs); err != nil {
			t.Skip("they have types for what we do not read")
		}
		want := theirs.Manifests
		if !index {
			want = append([]artifact.Descriptor{theirs.Config}, theirs.Layers...)
		}
		got := append(m.blobs(), m.children...)
		if len(got) != len(want) {
			t.Fatalf("got %d descriptors, they read %d", len(got), len(want))
		}
		for i, d := range got {
			if d.Blob != want[i].Blob || d.MediaType != want[i].MediaType {
				t.Fatalf("got %v, they read %v", d, want[i])
			}
		}
	})
}

// A bundle, or what cosign keeps in annotations, is a claim with exactly one
// signature, or a flaw; never a panic, however the log entry, the certificate
// and the timestamp in it look.
func FuzzBundle(f *testing.F) {
	f.Fuzz(func(t *testing.T, raw []byte) {
		c, err := parseBundle(raw)
		if err != nil {
			isFlaw(t, err)
			return
		}
		if len(c.signatures) != 1 || len(c.above) >= maxChain || len(c.timestamps) > maxTimestamps {
			t.Fatalf("got a claim with %d signatures, %d certificates and %d timestamps", len(c.signatures), len(c.above), len(c.timestamps))
		}
	})
}

func FuzzAnnotations(f *testing.F) {
	f.Fuzz(func(t *testing.T, raw []byte) {
		v, err := strictjson.Parse(string(raw), documentLimits)
		if err != nil {
			return
		}
		c, err := parseSimpleSigning([]byte("{}"), v)
		if err != nil {
			isFlaw(t, err)
			return
		}
		if sig, err := base64.StdEncoding.DecodeString(v.StringAt(annotationSignature)); err != nil || !bytes.Equal(sig, c.signatures[0].bytes) {
			t.Fatalf("got signature %x, the annotation says %x (%v)", c.signatures[0].bytes, sig, err)
		}
	})
}

func FuzzNotary(f *testing.F) {
	f.Fuzz(func(t *testing.T, raw []byte, cose bool) {
		mediaType := typeJWS
		if cose {
			mediaType = typeCOSE
		}
		c, err := parseNotary(raw, mediaType, artifact.Descriptor{})
		if err != nil {
			isFlaw(t, err)
			return
		}
		if n := len(c.notary.unproved.SignerInfo.CertificateChain); n == 0 || n > maxChain {
			t.Fatalf("got a chain of %d certificates", n)
		}
		_ = c.notary.verify()
	})
}

var escapeDN = strings.NewReplacer(`\`, `\\`, `,`, `\,`, `+`, `\+`, `;`, `\;`, `<`, `\<`, `>`, `\>`, `"`, `\"`, `#`, `\#`, ` `, `\ `, `=`, `\=`)

// A name that was read is read the same when it is written out again.
func FuzzIdentity(f *testing.F) {
	f.Fuzz(func(t *testing.T, text string) {
		name, err := parseIdentity(text)
		if err != nil || name == nil {
			return
		}
		var parts []string
		for short, oid := range attributeOIDs {
			if value, ok := name[oid]; ok && short != "S" {
				parts = append(parts, short+"="+escapeDN.Replace(value))
			}
		}
		again, err := parseIdentity(identityPrefix + strings.Join(parts, ","))
		if err != nil {
			t.Fatalf("%q, written as %q: %v", text, parts, err)
		}
		for oid, value := range name {
			if again[oid] != value || len(again) != len(name) {
				t.Fatalf("%q: got %v, want %v", text, again, name)
			}
		}
	})
}
