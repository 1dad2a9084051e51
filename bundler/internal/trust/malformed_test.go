package trust

import (
	"crypto"
	"strings"
	"testing"

	ctypes "github.com/sigstore/cosign/v2/pkg/types"

	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/lock"
)

// Attacks 14 and 21: documents that cannot be read, or can be read in two ways.
func TestMalformedEvidenceCountsForNothing(t *testing.T) {
	t.Parallel()
	s, v := newSite(t), newVendor(t)
	d := s.image()
	v.sign(d)
	good := s.collect(d)
	simple := string(v.simple(d))
	envelope := string(v.envelope(v.statement(d, ctypes.CosignSignPredicateType)))
	bundle := string(v.bundle(v.statement(d, ctypes.CosignSignPredicateType)))
	replace := strings.Replace
	for name, p := range map[string]part{
		"no JSON":                   {typeDSSE, []byte("\x00\x01"), nil},
		"empty":                     {typeDSSE, nil, nil},
		"half an envelope":          {typeDSSE, []byte(envelope[:len(envelope)/2]), nil},
		"text after the envelope":   {typeDSSE, []byte(envelope + "{}"), nil},
		"duplicate key":             {typeDSSE, []byte(replace(envelope, `{"payloadType"`, `{"payloadType":"x","payloadType"`, 1)), nil},
		"case variant":              {typeDSSE, []byte(replace(envelope, `{"payloadType"`, `{"PAYLOADTYPE":"x","payloadType"`, 1)), nil},
		"no signatures":             {typeDSSE, []byte(`{"payloadType":"` + typeStatement + `","payload":"e30=","signatures":[]}`), nil},
		"payload no base64":         {typeDSSE, []byte(`{"payloadType":"` + typeStatement + `","payload":"*","signatures":[{"sig":"AAAA"}]}`), nil},
		"other payload type":        {typeDSSE, v.envelopeOf("text/plain", v.statement(d, ctypes.CosignSignPredicateType)), nil},
		"no statement":              {typeDSSE, v.envelope([]byte(`{"_type":"https://example/other"}`)), nil},
		"statement with two faces":  {typeDSSE, v.envelope([]byte(replace(string(v.statement(d, ctypes.CosignSignPredicateType)), `"subject":`, `"subject":[],"Subject":`, 1))), nil},
		"statement of other type":   {typeDSSE, v.envelope([]byte(replace(string(v.statement(d, ctypes.CosignSignPredicateType)), "in-toto.io/Statement", "example/Statement", 1))), nil},
		"statement without type":    {typeDSSE, v.envelope([]byte(`{"_type":"https://in-toto.io/Statement/v1","subject":[]}`)), nil},
		"upper-case subject digest": {typeDSSE, v.envelope([]byte(`{"_type":"https://in-toto.io/Statement/v1","predicateType":"x","subject":[{"digest":{"sha256":"` + strings.ToUpper(d.DigestStr()[7:]) + `"}}]}`)), nil},
		"signature no base64":       {typeSimpleSigning, []byte(simple), map[string]string{annotationSignature: "*"}},
		"no signature":              {typeSimpleSigning, []byte(simple), nil},
		"other simple payload":      v.simplePart(replace(simple, typeSimplePayload, "atomic container signature", 1)),
		"simple payload twice":      v.simplePart(replace(simple, `"critical":`, `"critical":{},"critical":`, 1)),
		"simple payload two faces":  v.simplePart(replace(simple, `"docker-manifest-digest":`, `"Docker-Manifest-Digest":"x","docker-manifest-digest":`, 1)),
		"simple payload no digest":  v.simplePart(`{"critical":{"identity":{},"image":{"docker-manifest-digest":"sha256:xyz"},"type":"` + typeSimplePayload + `"}}`),
		"certificate no PEM":        {typeSimpleSigning, []byte(simple), map[string]string{annotationSignature: "AAAA", annotationCertificate: "x"}},
		"log entry no JSON":         {typeSimpleSigning, []byte(simple), map[string]string{annotationSignature: "AAAA", annotationLog: "{"}},
		"log entry empty":           {typeSimpleSigning, []byte(simple), map[string]string{annotationSignature: "AAAA", annotationLog: `{"Payload":{}}`}},
		"timestamp no base64":       {typeSimpleSigning, []byte(simple), map[string]string{annotationSignature: "AAAA", annotationTimestamp: `{"SignedRFC3161Timestamp":"*"}`}},
		"bundle unknown key":        {typeBundlePrefix + ".v0.3+json", []byte(replace(bundle, `{`, `{"extra":1,`, 1)), nil},
		"bundle duplicate key":      {typeBundlePrefix + ".v0.3+json", []byte(replace(bundle, `{`, `{"mediaType":"x",`, 1)), nil},
		"bundle of two signatures":  {typeBundlePrefix + ".v0.3+json", []byte(replace(bundle, `"signatures":[`, `"signatures":[{"sig":"AAAA"},`, 1)), nil},
		"bundle of no signature":    {typeBundlePrefix + ".v0.3+json", []byte(replace(bundle, `"signatures":[`, `"signatures":[],"x":[`, 1)), nil},
		"bundle future version":     {typeBundlePrefix + ".v9+json", []byte(replace(bundle, "v0.3+json", "v9.0+json", 1)), nil},
		"bundle of nothing":         {typeBundlePrefix + ".v0.3+json", []byte(`{"mediaType":"` + typeBundlePrefix + `.v0.3+json"}`), nil},
		"notary no envelope":        {typeJWS, []byte(`{"payload":"x"}`), nil},
		"notary other envelope":     {"application/pgp-signature", []byte("x"), nil},
		"notary too long":           {typeJWS, append([]byte(`{"payload":"`), make([]byte, maxNotary)...), nil},
		"notary no COSE":            {typeCOSE, []byte("\xff\xff"), nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			artifactType := p.mediaType
			if strings.HasPrefix(name, "notary") {
				artifactType = typeNotary
			}
			alone := anImage(t)
			alone.attach(lock.FormReferrer, alone.item.Root, artifactType, p)
			alone.refused(v.verifier(), "expected: a signature on")

			beside := good.clone(t)
			e := beside.attach(lock.FormReferrer, beside.item.Root, artifactType, p)
			report := beside.passes(v.verifier())
			if len(report.Findings) != 1 || !strings.Contains(report.Findings[0], string(e.Manifest.Digest)) {
				t.Errorf("got findings %q, want one that names the malformed piece", report.Findings)
			}
			strict := v.office().verifier(t, policyText(trustVendor, signedByVendor, "strict: true\n"))
			beside.refused(strict, "for the policy is strict")
		})
	}
}

// simplePart is a payload of cosign, signed whatever it says.
func (v *vendor) simplePart(text string) part {
	return part{typeSimpleSigning, []byte(text), map[string]string{annotationSignature: encode64(v.signed([]byte(text)))}}
}

// A bundle with a bare signature over the manifest's bytes does not say that
// these are a manifest.
func TestBundleOfABareSignatureCountsForNothing(t *testing.T) {
	t.Parallel()
	v, c := newVendor(t), anImage(t)
	manifest := c.blobs[c.item.Root.Digest]
	raw := `{"mediaType":"` + typeBundlePrefix + `.v0.3+json","verificationMaterial":{"publicKey":{"hint":"` + hint(v) + `"}},
		"messageSignature":{"messageDigest":{"algorithm":"SHA2_256","digest":"` + encode64(sum(crypto.SHA256, manifest)) + `"},"signature":"` + encode64(v.signed(manifest)) + `"}}`
	c.attach(lock.FormReferrer, c.item.Root, typeBundlePrefix+".v0.3+json", part{typeBundlePrefix + ".v0.3+json", []byte(raw), nil})
	c.refused(v.verifier(), "a bare signature, which does not say what it is about")
}
