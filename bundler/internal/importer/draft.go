package importer

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/artifact"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/lock"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/spec"
)

// draft collects entries of a bundle.yaml to be.
type draft struct {
	options Options
	format  Format
	name    string // that the manifest has
	size    string // of a volume
	images  []image
	files   []file
	names   map[string]file // by lower-case name
	notes   []Note
	seen    map[string]bool // references and selections
}

type image struct {
	ref, repo, versions, tags string
	platforms                 []string
}

type file struct{ name, url, path, sha256 string }

func (d *draft) leave(n *yaml.Node, what, why string) {
	d.notes = append(d.notes, Note{Line: line(n), What: shown(public(what)), Why: why})
}

func (d *draft) change(n *yaml.Node, what, why string) {
	d.notes = append(d.notes, Note{Line: line(n), What: shown(public(what)), Why: why, Change: true})
}

// leaveEach leaves out the items of a list, by name.
func (d *draft) leaveEach(list *yaml.Node, what, why string, names ...string) {
	for _, item := range items(list) {
		name := text(item)
		for _, key := range names {
			if name == "" {
				name = textAt(item, key)
			}
		}
		d.leave(item, strings.TrimSpace(what+" "+name), why)
	}
}

// addImage takes over one reference.
func (d *draft) addImage(n *yaml.Node, written string, platforms []string) {
	reference, err := d.reference(n, written)
	if err != nil {
		d.leave(n, written, err.Error())
		return
	}
	if d.once(n, reference.Name()) {
		d.images = append(d.images, image{ref: reference.String(), platforms: d.platforms(n, platforms)})
	}
}

func (d *draft) platforms(n *yaml.Node, written []string) []string {
	var good []string
	for _, p := range written {
		if _, err := artifact.ParsePlatform(p); err != nil {
			d.change(n, p, "not a platform, so all platforms are taken: "+err.Error())
			return nil
		}
		good = append(good, p)
	}
	return good
}

// once reports whether the name is new.
func (d *draft) once(n *yaml.Node, name string) bool {
	if d.seen[name] {
		d.change(n, name, "stands here more than once and is written once")
		return false
	}
	d.seen[name] = true
	return true
}

// signatureTag is a tag under which cosign keeps evidence.
var signatureTag = regexp.MustCompile(`:sha256-[0-9a-f]{64}(\.(sig|att|sbom))?$`)

// reference completes what Docker leaves to be guessed, as Docker does: no host
// is docker.io, no folder there is library, no tag is latest.
func (d *draft) reference(n *yaml.Node, written string) (spec.Reference, error) {
	if signatureTag.MatchString(written) {
		return spec.Reference{}, fmt.Errorf("is evidence about an image: it is collected with the image, without being named")
	}
	name := complete(written)
	tagged := strings.Contains(name, "@") || strings.LastIndexByte(name, ':') > strings.LastIndexByte(name, '/')
	if !tagged {
		name += ":latest"
	}
	reference, err := spec.ParseReference(name)
	if err == nil && !tagged {
		d.change(n, written, "names no tag: latest is written, as the tool would have taken; pin it")
	}
	return reference, err
}

func complete(written string) string {
	written = strings.TrimPrefix(strings.TrimPrefix(written, "docker://"), "oci://")
	host, rest, cut := strings.Cut(written, "/")
	if !cut || !strings.ContainsAny(host, ".:") && host != "localhost" {
		host, rest = "docker.io", written
	}
	host = strings.TrimSuffix(strings.ToLower(host), ":443")
	if host == "index.docker.io" {
		host = "docker.io"
	}
	if host == "docker.io" && !strings.Contains(rest, "/") {
		rest = "library/" + rest
	}
	return host + "/" + rest
}

// addFile takes over one file under the first of the names that is free. From a
// network it needs a checksum.
func (d *draft) addFile(n *yaml.Node, source, sha256 string, names ...string) {
	f := file{path: source, sha256: strings.ToLower(sha256)}
	if strings.Contains(source, "://") {
		f.path, f.url = "", source
	}
	if f.url != "" && sha256 == "" {
		d.leave(n, source, "a file from a network needs the sha256 that its publisher states: add it by hand")
		return
	}
	f.name = d.freeName(f, names)
	if err := d.tryFile(f); err != nil {
		d.leave(n, source, err.Error())
		return
	}
	d.placeFile(n, f)
}

// freeName is the first name that no other file has, or the last.
func (d *draft) freeName(f file, names []string) string {
	for _, name := range names {
		f.name = strings.TrimPrefix(path.Clean("/"+name), "/")
		if taken := d.taken(f.name); taken == nil || *taken == f {
			break
		}
	}
	return f.name
}

// taken is the file that has the name, in any case; nil when it is free.
func (d *draft) taken(name string) *file {
	if f, taken := d.names[strings.ToLower(name)]; taken {
		return &f
	}
	return nil
}

func (d *draft) placeFile(n *yaml.Node, f file) {
	switch taken := d.taken(f.name); {
	case taken != nil && *taken == f:
		d.change(n, f.name, "stands here more than once and is written once")
	case taken != nil:
		d.leave(n, public(f.url+f.path), "another file is called "+shown(taken.name)+": add it by hand under a name of its own")
	default:
		d.files, d.names[strings.ToLower(f.name)] = append(d.files, f), f
		if strings.Contains(f.url, "?") {
			d.change(n, f.url, "its URL has a query, which is written as it is: make sure that it holds no secret")
		}
	}
}

// tryFile asks the parser of bundle.yaml, so that one bad entry does not spoil
// the rest.
func (d *draft) tryFile(f file) error {
	alone := draft{options: Options{Name: "a"}, files: []file{f}}
	_, err := spec.Parse(alone.text())
	return reason(err)
}

func (d *draft) tryImage(i image) error {
	alone := draft{options: Options{Name: "a"}, images: []image{i}}
	_, err := spec.Parse(alone.text())
	return reason(err)
}

// reason is the first mistake without its place, which is in no file.
func reason(err error) error {
	var all spec.Errors
	if errors.As(err, &all) && len(all) > 0 {
		return fmt.Errorf("%s; %s", all[0].Reason, all[0].Fix)
	}
	return err
}

var (
	userInfo = regexp.MustCompile(`(^|://)[^/@]*@`)
	query    = regexp.MustCompile(`[?#].*$`)
)

// public is a URL or reference without what may be a secret: user, query and
// fragment. A digest stays.
func public(text string) string {
	if name, digest, ok := strings.Cut(text, "@sha256:"); ok {
		return public(name) + "@sha256:" + digest
	}
	text = userInfo.ReplaceAllString(text, "$1")
	if strings.Contains(text, "://") {
		text = query.ReplaceAllString(text, "")
	}
	return text
}

// bundleName is the name that was asked for, or what is left of the manifest's
// name within the grammar of names.
func (d *draft) bundleName() string {
	if d.options.Name != "" {
		return d.options.Name
	}
	clean := strings.Trim(notInNames.ReplaceAllString(strings.ToLower(d.name), "-"), "-0123456789")
	clean = clean[:min(len(clean), lock.MaxBundleName)]
	if lock.CheckBundleName(clean) != nil {
		return "imported"
	}
	return clean
}

var notInNames = regexp.MustCompile(`[^a-z0-9]+`)

func (d *draft) result() (*Result, error) {
	r := &Result{Format: d.format, Notes: d.notes}
	if len(d.images)+len(d.files) == 0 {
		return r, ErrNothing
	}
	if d.options.Marking == "" {
		r.Notes = append(r.Notes, Note{What: "marking", Why: "the manifest states none; UNCLASSIFIED is written: whoever owns the content must decide", Change: true})
	}
	d.notes = r.Notes
	r.Text = append(d.comment(), d.text()...)
	var err error
	if r.Spec, err = spec.Parse(r.Text); err != nil {
		return r, fmt.Errorf("the bundle.yaml would not be valid: %w", err)
	}
	return r, nil
}

// maxListed is how many notes the comment lists.
const maxListed = 200

func (d *draft) comment() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "# Made from %s, a manifest of %s, by datamesh-bundler import.\n", shown(d.options.Source), d.format)
	if len(d.notes) > 0 {
		b.WriteString("# Left out or changed:\n")
	}
	for _, n := range d.notes[:min(len(d.notes), maxListed)] {
		fmt.Fprintf(&b, "#   %s\n", n)
	}
	if more := len(d.notes) - maxListed; more > 0 {
		fmt.Fprintf(&b, "#   and %d more\n", more)
	}
	return b.Bytes()
}

func (d *draft) text() []byte {
	var b bytes.Buffer
	marking := d.options.Marking
	if marking == "" {
		marking = "UNCLASSIFIED"
	}
	fmt.Fprintf(&b, "apiVersion: %s\nkind: %s\nname: %s\nmarking: %s\n", spec.APIVersion, spec.KindBundle, quote(d.bundleName()), quote(marking))
	if d.size != "" {
		fmt.Fprintf(&b, "volumes:\n  size: %s\n", quote(d.size))
	}
	if len(d.images) > 0 {
		b.WriteString("images:\n")
	}
	for _, i := range d.images {
		entry(&b, "ref", i.ref, "repo", i.repo, "versions", i.versions, "tags", i.tags)
		if len(i.platforms) > 0 {
			fmt.Fprintf(&b, "    platforms: %s\n", quote(i.platforms))
		}
	}
	if len(d.files) > 0 {
		b.WriteString("files:\n")
	}
	for _, f := range d.files {
		entry(&b, "name", f.name, "url", f.url, "path", f.path, "sha256", f.sha256)
	}
	return b.Bytes()
}

// entry writes an item of a list: the keys whose values are not empty.
func entry(b *bytes.Buffer, keysAndValues ...string) {
	before := "  - "
	for pair := range slices.Chunk(keysAndValues, 2) {
		if key, value := pair[0], pair[1]; value != "" {
			fmt.Fprintf(b, "%s%s: %s\n", before, key, quote(value))
			before = "    "
		}
	}
}

// quote is a text or a list of texts in JSON, which is YAML in the flow style.
func quote(value any) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(value); err != nil {
		return `""` // texts and lists of texts always encode
	}
	return strings.TrimSpace(b.String())
}
