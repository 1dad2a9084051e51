// Package importer turns the manifests of other bundlers into a bundle.yaml, so
// that trying this one takes one command.
//
// It reads Hauler manifests, Zarf packages, oc-mirror's image set
// configurations, skopeo's sync files and imgpkg's image locks. What names an
// image or a file is taken over; everything else is listed as left out, by name
// and with the reason. Nothing is dropped in silence, and secrets are never
// copied: neither into the text nor into the list.
//
// The files are of other projects, so keys that this package does not know are
// not mistakes. Their formats are read from their public documentation.
package importer

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/spec"
)

// Format is a kind of manifest.
type Format string

// The formats.
const (
	Hauler   Format = "hauler" // content.hauler.cattle.io, kinds Images and Files
	Zarf     Format = "zarf"   // ZarfPackageConfig
	OCMirror Format = "oc-mirror"
	Skopeo   Format = "skopeo" // the source file of skopeo sync
	Imgpkg   Format = "imgpkg" // ImagesLock
)

// Options say what the manifests do not.
type Options struct {
	// Source is what the manifest is called, for the comment.
	Source string
	// Name is the bundle's; "" for that of the manifest or "imported".
	Name string
	// Marking is the bundle's banner. None of the formats has one: "" writes
	// UNCLASSIFIED and notes that somebody must decide.
	Marking string
}

// Note is something that was not taken over, or not as it was.
type Note struct {
	Line   int    // in the manifest; 0 when no one line is meant
	What   string // by name
	Why    string // and what to do
	Change bool   // it was taken over, but changed
}

// String is the note on one line.
func (n Note) String() string {
	if n.Line > 0 {
		return fmt.Sprintf("line %d: %s: %s", n.Line, n.What, n.Why)
	}
	return n.What + ": " + n.Why
}

// Result is a bundle.yaml and what is not in it.
type Result struct {
	Format Format
	Text   []byte // reads back as Spec
	Spec   *spec.Spec
	Notes  []Note
}

// ErrNothing is the error of a manifest of which nothing can be taken over. The
// result has the notes that say why.
var ErrNothing = errors.New("nothing in this manifest can be taken over")

// Import reads a manifest of any of the formats.
func Import(text []byte, o Options) (*Result, error) {
	documents, err := read(text)
	if err != nil {
		return nil, err
	}
	format, err := detect(documents)
	if err != nil {
		return nil, err
	}
	d := &draft{options: o, format: format, seen: map[string]bool{}, names: map[string]file{}}
	for _, document := range documents {
		readers[format](d, document)
	}
	return d.result()
}

var readers = map[Format]func(*draft, *yaml.Node){Hauler: hauler, Zarf: zarf, OCMirror: ocMirror, Skopeo: skopeo, Imgpkg: imgpkg}

// maxDocuments is how many YAML documents one manifest has.
const maxDocuments = 1000

// read parses the documents. Aliases stay nodes: no reader follows them.
func read(text []byte) ([]*yaml.Node, error) {
	if len(text) > spec.MaxBytes {
		return nil, fmt.Errorf("the manifest is %d bytes long, the limit is %d", len(text), spec.MaxBytes)
	}
	var documents []*yaml.Node
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	for {
		var document yaml.Node
		err := decoder.Decode(&document)
		switch {
		case errors.Is(err, io.EOF):
			return documents, nil
		case err != nil:
			first, _, _ := strings.Cut(err.Error(), "\n")
			return nil, fmt.Errorf("the manifest is not YAML: %s", shown(first))
		case len(documents) == maxDocuments:
			return nil, fmt.Errorf("the manifest has more than %d documents", maxDocuments)
		case document.Content[0].Kind == yaml.MappingNode:
			documents = append(documents, document.Content[0])
		}
	}
}

// detect tells the formats apart by apiVersion and kind; skopeo's file has
// neither, but registries with images.
func detect(documents []*yaml.Node) (Format, error) {
	for _, d := range documents {
		version, kind := textAt(d, "apiVersion"), textAt(d, "kind")
		switch {
		case strings.HasPrefix(version, "content.hauler.cattle.io/"):
			return Hauler, nil
		case kind == "ZarfPackageConfig":
			return Zarf, nil
		case strings.HasPrefix(version, "mirror.openshift.io/") && kind == "ImageSetConfiguration":
			return OCMirror, nil
		case strings.HasPrefix(version, "imgpkg.carvel.dev/") && kind == "ImagesLock":
			return Imgpkg, nil
		case version == "" && kind == "" && hasRegistries(d):
			return Skopeo, nil
		}
	}
	return "", errors.New("this is no manifest of Hauler (content.hauler.cattle.io), Zarf (ZarfPackageConfig), oc-mirror (ImageSetConfiguration), skopeo sync or imgpkg (ImagesLock)")
}

func hasRegistries(d *yaml.Node) bool {
	for _, registry := range pairs(d) {
		for _, key := range skopeoLists {
			if at(registry.value, key) != nil {
				return true
			}
		}
	}
	return false
}
