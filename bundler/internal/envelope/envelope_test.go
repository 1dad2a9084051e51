package envelope

import (
	"bytes"
	"context"
	"crypto"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/artifact"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/signing"
)

func digest(text string) artifact.Digest { return artifact.DigestOf(sha256.Sum256([]byte(text))) }

func file(name string) File { return File{name, artifact.Blob{Digest: digest(name), Size: 4096}} }

func example() *Envelope {
	return &Envelope{
		Format: Format, Name: "ops-monthly", Stream: "ops", Sequence: 7, Previous: digest("6"),
		Created: time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC), Expires: time.Date(2027, 2, 20, 8, 0, 0, 0, time.UTC),
		Marking: "SECRET//REL TO USA, FVEY", Lock: artifact.Blob{Digest: digest("lock"), Size: 10}, Policy: digest("policy"),
		VolumeSize: 4096, Volumes: []File{file("ops-monthly.0001.tar"), file("ops-monthly.0002.tar")},
		Parity: []File{file("ops-monthly.p001.parity")}, Files: []File{file("ops-monthly.review.json"), file("ops-monthly.sbom.cdx.json")},
	}
}

type party struct {
	signing.Signer
	public crypto.PublicKey
}

func newParty(t testing.TB) party {
	t.Helper()
	key, err := signing.Generate(signing.ECDSAP256)
	if err != nil {
		t.Fatal(err)
	}
	s, err := signing.New(key)
	if err != nil {
		t.Fatal(err)
	}
	return party{s, key.Public()}
}

func keys(t testing.TB, threshold int, parties ...party) *signing.KeySet {
	t.Helper()
	var public []crypto.PublicKey
	for _, p := range parties {
		public = append(public, p.public)
	}
	set, err := signing.NewKeySet(threshold, public...)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func seal(t testing.TB, e *Envelope, parties ...party) []byte {
	t.Helper()
	var signers []signing.Signer
	for _, p := range parties {
		signers = append(signers, p)
	}
	raw, err := Seal(t.Context(), e, signers...)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func refusedAs(t testing.TB, err error, kind Kind) {
	t.Helper()
	var refusal *Refusal
	if !errors.As(err, &refusal) || refusal.Kind != kind {
		t.Errorf("error %v, want a refusal of kind %s", err, kind)
	}
}

func TestSealedEnvelopeOpens(t *testing.T) {
	t.Parallel()
	packer := newParty(t)
	raw := seal(t, example(), packer)
	e, err := Open(raw, keys(t, 1, packer))
	if err != nil {
		t.Fatal(err)
	}
	want, _ := example().Digest()
	if got, err := e.Digest(); err != nil || got != want {
		t.Errorf("digest %s, %v, want %s", got, err, want)
	}
	if again := seal(t, example(), packer); !bytes.Equal(raw, again) {
		t.Error("two seals of one description differ")
	}
}

// TestPAEIsTheSpecifications pins the example of DSSE's protocol.md.
func TestPAEIsTheSpecifications(t *testing.T) {
	t.Parallel()
	want := "DSSEv1 29 http://example.com/HelloWorld 11 hello world"
	if got := string(PAE("http://example.com/HelloWorld", []byte("hello world"))); got != want {
		t.Errorf("PAE %q, want %q", got, want)
	}
}

func TestFlippedByteAnywhereIsRefused(t *testing.T) {
	t.Parallel()
	packer := newParty(t)
	raw, trusted := seal(t, example(), packer), keys(t, 1, packer)
	for i := range raw {
		for _, bit := range []byte{1, 0x20, 0x80} {
			bad := bytes.Clone(raw)
			bad[i] ^= bit
			if _, err := Open(bad, trusted); err == nil {
				t.Fatalf("byte %d (%q) changed to %q: accepted", i, raw[i], bad[i])
			}
		}
	}
}

func TestSignatureOfAnotherPayloadTypeIsRefused(t *testing.T) {
	t.Parallel()
	packer := newParty(t)
	payload, err := example().encode()
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range []string{"application/vnd.in-toto+json", "", PayloadType + " "} {
		raw, err := SealDocument(t.Context(), kind, payload, packer)
		if err != nil {
			t.Fatal(err)
		}
		_, err = Open(raw, keys(t, 1, packer))
		refusedAs(t, err, Malformed)
		relabelled := bytes.Replace(raw, []byte(`"payloadType":"`+kind+`"`), []byte(`"payloadType":"`+PayloadType+`"`), 1)
		_, err = Open(relabelled, keys(t, 1, packer))
		refusedAs(t, err, Untrusted)
	}
}

func TestSignatureStrippingIsRefused(t *testing.T) {
	t.Parallel()
	packer, stranger := newParty(t), newParty(t)
	raw := seal(t, example(), packer)
	head, _, _ := strings.Cut(string(raw), `"signatures"`)
	for _, tail := range []string{`"signatures":[]}` + "\n", `"signatures":null}` + "\n", `"signatures":[{"keyid":"","sig":""}]}` + "\n"} {
		if _, err := Open([]byte(head+tail), keys(t, 1, packer)); err == nil {
			t.Errorf("accepted with %s", tail)
		}
	}
	_, err := Open(seal(t, example(), stranger), keys(t, 1, packer))
	refusedAs(t, err, Untrusted)
}

func TestSameKeyTwiceDoesNotReachTheThreshold(t *testing.T) {
	t.Parallel()
	a, b := newParty(t), newParty(t)
	d, err := parse(seal(t, example(), a))
	if err != nil {
		t.Fatal(err)
	}
	d.Signatures = append(d.Signatures, d.Signatures[0])
	raw, err := d.encode()
	if err != nil {
		t.Fatal(err)
	}
	_, err = Open(raw, keys(t, 2, a, b))
	refusedAs(t, err, Untrusted)
	if _, err := Open(seal(t, example(), a, b), keys(t, 2, a, b)); err != nil {
		t.Errorf("two signatures: %v", err)
	}
	if _, err := Seal(t.Context(), example(), a, a); err == nil {
		t.Error("sealed twice with one key")
	}
}

func TestCountersignatureOfASecondOfficer(t *testing.T) {
	t.Parallel()
	packer, officer, stranger := newParty(t), newParty(t), newParty(t)
	raw := seal(t, example(), packer)
	if _, err := Signers(raw, keys(t, 1, officer)); err == nil {
		t.Error("the officer signed before the officer signed")
	}
	both, err := Countersign(t.Context(), raw, keys(t, 1, packer), officer)
	if err != nil {
		t.Fatal(err)
	}
	if ids, err := Signers(both, keys(t, 1, officer)); err != nil || len(ids) != 1 || ids[0] != officer.KeyID() {
		t.Errorf("signers %q, %v, want the officer", ids, err)
	}
	if _, err := Open(both, keys(t, 1, packer)); err != nil {
		t.Errorf("the countersigned envelope does not open: %v", err)
	}
	if _, err := Countersign(t.Context(), raw, keys(t, 1, stranger), officer); err == nil {
		t.Error("an envelope that was not verified was countersigned")
	}
}

func TestOversizedEnvelopeIsRefusedUnread(t *testing.T) {
	t.Parallel()
	packer := newParty(t)
	_, err := Open(make([]byte, MaxBytes+1), keys(t, 1, packer))
	refusedAs(t, err, Malformed)
	large := example()
	large.Volumes = nil
	for i := range MaxFiles - 100 {
		large.Volumes = append(large.Volumes, file(VolumeName(large.Name, i+1)))
	}
	if raw := seal(t, large, packer); len(raw) > MaxBytes {
		t.Errorf("an envelope of %d files has %d bytes, want at most %d", MaxFiles, len(raw), MaxBytes)
	} else if _, err := Open(raw, keys(t, 1, packer)); err != nil {
		t.Errorf("an envelope of %d files: %v", MaxFiles-100, err)
	}
}

// signed is a payload of any text, signed by the packer itself: what a
// malicious or broken packer could send.
func signed(t testing.TB, payload string, p party) []byte {
	t.Helper()
	raw, err := SealDocument(t.Context(), PayloadType, []byte(payload), p)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func TestSignedPayloadWithASecondReadingIsRefused(t *testing.T) {
	t.Parallel()
	packer := newParty(t)
	good, err := example().encode()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Open(signed(t, string(good), packer), keys(t, 1, packer)); err != nil {
		t.Fatal(err)
	}
	replace := func(old, fresh string) string {
		if !strings.Contains(string(good), old) {
			t.Fatalf("the payload has no %s", old)
		}
		return strings.Replace(string(good), old, fresh, 1)
	}
	for name, payload := range map[string]string{
		"duplicate key":    replace(`"sequence":7`, `"sequence":7,"sequence":8`),
		"key in capitals":  replace(`"sequence":7`, `"Sequence":7`),
		"unknown key":      replace(`"sequence":7`, `"sequence":7,"extra":1`),
		"blank":            replace(`"sequence":7`, `"sequence": 7`),
		"other order":      replace(`"name":"ops-monthly","stream":"ops"`, `"stream":"ops","name":"ops-monthly"`),
		"number form":      replace(`"sequence":7`, `"sequence":7.0`),
		"escape":           replace(`SECRET`, "\\u0053ECRET"),
		"trailing data":    string(good) + "{}",
		"line break":       string(good) + "\n",
		"time zone":        replace("08:00:00Z", "08:00:00+00:00"),
		"null":             replace(`"parity":[`, `"base":null,"parity":[`),
		"nesting":          strings.Repeat("[", 100_000),
		"nothing":          "",
		"byte order mark":  "\ufeff" + string(good),
		"other format":     replace(Format, "datamesh-bundle/2"),
		"negative size":    replace(`"size":4096`, `"size":-1`),
		"digest upper":     replace(`"digest":"sha256:`, `"digest":"SHA256:`),
		"path in a name":   replace("ops-monthly.review.json", "../ops-monthly.json"),
		"absolute name":    replace("ops-monthly.review.json", "/etc/x.json"),
		"name of a script": replace("ops-monthly.review.json", "ops-monthly.review.sh"),
		"foreign name":     replace("ops-monthly.review.json", "ops.review.json"),
		"hidden volume":    replace("ops-monthly.review.json", "ops-monthly.0009.tar"),
		"file twice":       replace("ops-monthly.sbom.cdx.json", "ops-monthly.review.json"),
		"lock as file":     replace("ops-monthly.review.json", "ops-monthly.lock.json"),
		"volume order":     replace("ops-monthly.0001.tar", "ops-monthly.0003.tar"),
		"sequence zero":    replace(`"sequence":7`, `"sequence":0`),
		"no predecessor":   replace(`"previous":"`+string(digest("6"))+`",`, ""),
		"expires before":   replace("2027-02-20", "2025-02-20"),
		"no marking":       replace("SECRET//REL TO USA, FVEY", ""),
		"fraction":         replace("08:00:00Z", "08:00:00.5Z"),
	} {
		_, err := Open(signed(t, payload, packer), keys(t, 1, packer))
		if err == nil {
			t.Errorf("%s: accepted", name)
			continue
		}
		refusedAs(t, err, Malformed)
	}
}

func TestDocumentWithASecondReadingIsRefused(t *testing.T) {
	t.Parallel()
	packer := newParty(t)
	good := string(seal(t, example(), packer))
	for name, raw := range map[string]string{
		"duplicate payload": strings.Replace(good, `"payload":`, `"payload":"e30=","payload":`, 1),
		"capitals":          strings.Replace(good, `"payload":`, `"Payload":`, 1),
		"unknown key":       strings.Replace(good, `"payload":`, `"x":1,"payload":`, 1),
		"trailing data":     good + good,
		"blank":             " " + good,
		"no line break":     strings.TrimSuffix(good, "\n"),
		"not JSON":          "DSSE",
		"array":             "[" + strings.TrimSuffix(good, "\n") + "]",
		"signatures object": strings.Replace(strings.Replace(good, "[{", "{", 1), "}]", "}", 1),
	} {
		if raw == good {
			t.Fatalf("%s: nothing changed", name)
		}
		_, err := Open([]byte(raw), keys(t, 1, packer))
		refusedAs(t, err, Malformed)
	}
}

func TestNothingIsDecodedBeforeTheSignature(t *testing.T) {
	t.Parallel()
	packer, stranger := newParty(t), newParty(t)
	_, err := Open(signed(t, "{ not JSON", stranger), keys(t, 1, packer))
	refusedAs(t, err, Untrusted) // and not Malformed, which decoding would have found
}

func TestSealRefusesWhatOpenWould(t *testing.T) {
	t.Parallel()
	packer := newParty(t)
	for name, change := range map[string]func(*Envelope){
		"local time":   func(e *Envelope) { e.Created = e.Created.In(time.FixedZone("x", 3600)) },
		"no volumes":   func(e *Envelope) { e.Volumes = nil },
		"first linked": func(e *Envelope) { e.Sequence = 1 },
		"left out":     func(e *Envelope) { e.Base = &Base{digest("r"), "ops-monthly.none.json"} },
		"sequence":     func(e *Envelope) { e.Sequence = MaxSequence + 1 },
		"stream":       func(e *Envelope) { e.Stream = "Ops" },
		"policy":       func(e *Envelope) { e.Policy = "x" },
	} {
		e := example()
		change(e)
		if _, err := Seal(t.Context(), e, packer); err == nil {
			t.Errorf("%s: sealed", name)
		}
	}
	if _, err := Seal(t.Context(), example()); err == nil {
		t.Error("sealed without a signer")
	}
	increment := example()
	increment.Base = &Base{Receipt: digest("r"), LeftOut: "ops-monthly.review.json"}
	if _, err := Open(seal(t, increment, packer), keys(t, 1, packer)); err != nil {
		t.Errorf("an increment: %v", err)
	}
}

type failing struct{ party }

func (failing) Sign(context.Context, []byte) ([]byte, error) { return nil, errors.New("no card") }

func TestSealFailsWithItsSigner(t *testing.T) {
	t.Parallel()
	if _, err := Seal(t.Context(), example(), failing{newParty(t)}); err == nil || !strings.Contains(err.Error(), "no card") {
		t.Errorf("error %v, want that of the signer", err)
	}
}

func FuzzOpen(f *testing.F) {
	packer := newParty(f)
	trusted := keys(f, 1, packer)
	raw := seal(f, example(), packer)
	f.Add(raw)
	f.Add([]byte(`{"payloadType":"x","payload":"","signatures":[{"keyid":"a","sig":"AA=="}]}` + "\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		if e, err := Open(text, trusted); err == nil && !bytes.Equal(text, raw) {
			t.Errorf("accepted %q as %+v", text, e)
		}
		if d, err := parse(text); err == nil {
			if again, err := d.encode(); err != nil || !bytes.Equal(again, text) {
				t.Errorf("read %q, which is written as %q", text, again)
			}
		}
	})
}

func FuzzPayload(f *testing.F) {
	good, err := example().encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Fuzz(func(t *testing.T, text []byte) {
		e, err := decode(text)
		if err != nil {
			return
		}
		if again, err := e.encode(); err != nil || !bytes.Equal(again, text) {
			t.Errorf("read %q, which is written as %q (%v)", text, again, err)
		}
	})
}

func TestPayloadIsBase64OfTheCanonicalText(t *testing.T) {
	t.Parallel()
	packer := newParty(t)
	payload, err := example().encode()
	if err != nil {
		t.Fatal(err)
	}
	if raw := seal(t, example(), packer); !bytes.Contains(raw, []byte(base64.StdEncoding.EncodeToString(payload))) {
		t.Error("the payload is not carried as it was signed")
	}
}
