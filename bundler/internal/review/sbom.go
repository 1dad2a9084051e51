package review

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"net/url"
	"path"
	"slices"
	"strings"

	cdx "github.com/CycloneDX/cyclonedx-go"

	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/artifact"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/lock"
)

// property names of ours (CycloneDX property taxonomy: a name space each).
const property = "datamesh:bundle:"

// SBOM is the bill of materials of the bundle: CycloneDX 1.6 in JSON, a component
// for each item with the digest of its root. Its serial number follows from the
// digest of the lock, and it has no time, so that the same lock gives the same
// bytes. What is inside an item is in the SBOM that travels with it.
func (m *Manifest) SBOM() ([]byte, error) {
	bom := cdx.NewBOM()
	bom.SerialNumber = serial(m.LockDigest)
	bundle := cdx.Component{
		BOMRef: "bundle:" + m.Lock.Name, Type: cdx.ComponentTypeData, Name: m.Lock.Name, Version: string(m.LockDigest),
		Properties: properties("stream", m.Lock.Stream, "marking", m.Lock.Marking),
	}
	bom.Metadata = &cdx.Metadata{Component: &bundle}
	list, references := make([]cdx.Component, len(m.Lock.Items)), make([]string, len(m.Lock.Items))
	for i := range m.Lock.Items {
		list[i] = m.component(&m.Lock.Items[i])
		references[i] = list[i].BOMRef
	}
	bom.Components = &list
	bom.Dependencies = &[]cdx.Dependency{{Ref: bundle.BOMRef, Dependencies: &references}}
	var b bytes.Buffer
	err := cdx.NewBOMEncoder(&b, cdx.BOMFileFormatJSON).SetPretty(true).EncodeVersion(bom, cdx.SpecVersion1_6)
	return ascii(b.Bytes()), err
}

// serial is a UUID of version 8 (RFC 9562, section 5.8) from a digest.
func serial(d artifact.Digest) string {
	raw, err := hex.DecodeString(d.Hex())
	if err != nil || len(raw) < 16 {
		return ""
	}
	raw[6], raw[8] = raw[6]&0x0f|0x80, raw[8]&0x3f|0x80
	return fmt.Sprintf("urn:uuid:%x-%x-%x-%x-%x", raw[:4], raw[4:6], raw[6:8], raw[8:10], raw[10:16])
}

var componentTypes = map[lock.Kind]cdx.ComponentType{
	lock.KindImage: cdx.ComponentTypeContainer, lock.KindArtifact: cdx.ComponentTypeData, lock.KindFile: cdx.ComponentTypeFile,
}

func (m *Manifest) component(item *lock.Item) cdx.Component {
	c := cdx.Component{
		BOMRef: item.Name, Type: componentTypes[item.Kind], Name: item.Repository, Version: item.Tag, MIMEType: item.Root.MediaType,
		Hashes: &[]cdx.Hash{{Algorithm: cdx.HashAlgoSHA256, Value: item.Root.Digest.Hex()}},
		Properties: properties("marking", item.Marking, "why", item.Why, "root", string(item.Root.Digest),
			"signers", strings.Join(signers(item), " | ")),
	}
	if c.Version == "" {
		c.Version = string(item.Root.Digest)
	}
	switch item.Kind {
	case lock.KindFile:
		c.Hashes = &[]cdx.Hash{{Algorithm: cdx.HashAlgoSHA256, Value: fileDigest(item).Hex()}}
	case lock.KindImage, lock.KindArtifact:
		c.PackageURL = packageURL(item)
	}
	if item.Source != "" {
		c.ExternalReferences = &[]cdx.ExternalReference{{Type: cdx.ERTypeDistribution, URL: item.Source}}
	}
	if licences := m.Licences[item.Name]; len(licences) > 0 {
		c.Licenses = choices(licences)
	}
	return c
}

// fileDigest is that of the content rather than of the manifest around it.
func fileDigest(item *lock.Item) artifact.Digest {
	for _, b := range item.Blobs {
		if b.MediaType != "application/vnd.oci.empty.v1+json" {
			return b.Digest
		}
	}
	return item.Root.Digest
}

// packageURL is the purl of an OCI artifact (purl-spec, type oci): the name is
// the last part of the repository in lower case, the version its digest.
func packageURL(item *lock.Item) string {
	text := "pkg:oci/" + url.PathEscape(path.Base(item.Repository)) + "@" + url.QueryEscape(string(item.Root.Digest)) +
		"?repository_url=" + url.QueryEscape(item.Repository)
	if item.Tag != "" {
		text += "&tag=" + url.QueryEscape(item.Tag)
	}
	return text
}

// choices names licences as texts: whether one is an SPDX identifier is for the
// reader of the SBOM that claims it.
func choices(licences []string) *cdx.Licenses {
	list := make(cdx.Licenses, len(licences))
	for i, l := range licences {
		list[i] = cdx.LicenseChoice{License: &cdx.License{Name: l}}
	}
	return &list
}

func properties(namesAndValues ...string) *[]cdx.Property {
	list := make([]cdx.Property, 0, len(namesAndValues)/2)
	for pair := range slices.Chunk(namesAndValues, 2) {
		list = append(list, cdx.Property{Name: property + pair[0], Value: pair[1]})
	}
	return &list
}
