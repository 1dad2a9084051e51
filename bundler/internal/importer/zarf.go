package importer

import (
	"path"
	"strings"

	"go.yaml.in/yaml/v3"
)

// zarf reads a package definition: images and files of all components, whether
// or not they are optional.
func zarf(d *draft, document *yaml.Node) {
	d.name = textAt(document, "metadata", "name")
	var platforms []string
	if architecture := textAt(document, "metadata", "architecture"); architecture != "" && architecture != "multi" {
		platforms = []string{"linux/" + architecture}
	}
	for _, p := range pairs(document) {
		switch p.key.Value {
		case "kind", "apiVersion", "metadata", "components", "build":
		default:
			d.leave(p.key, p.key.Value, "only images and files of components are taken over")
		}
	}
	for _, component := range items(at(document, "components")) {
		zarfComponent(d, component, platforms)
	}
}

func zarfComponent(d *draft, component *yaml.Node, platforms []string) {
	name := textAt(component, "name")
	for _, p := range pairs(component) {
		switch p.key.Value {
		case "name", "description", "default", "required", "optional", "group":
		case "images":
			for _, item := range items(p.value) {
				zarfImage(d, item, platforms)
			}
		case "files":
			for _, item := range items(p.value) {
				zarfFile(d, name, item)
			}
		case "charts", "manifests", "repos", "imageArchives", "dataInjections":
			d.leaveEach(p.value, p.key.Value+" of "+name+":", "not taken over: images that it needs must be named", "name", "path", "source")
		default:
			d.leave(p.key, p.key.Value+" of "+name, "not taken over: a bundle has no actions, imports or conditions")
		}
	}
}

func zarfImage(d *draft, item *yaml.Node, platforms []string) {
	if written := text(item); strings.Contains(written, "###") {
		d.leave(item, written, "a template: write what it stands for")
	} else {
		d.addImage(item, written, platforms)
	}
}

// zarfFile names a file after its component and the last part of its place on
// the far side, or all of it where two files would have one name.
func zarfFile(d *draft, component string, item *yaml.Node) {
	source, target := textAt(item, "source"), textAt(item, "target")
	if target == "" || strings.HasSuffix(target, "/") {
		target = source
	}
	for _, key := range []string{"extractPath", "symlinks", "executable", "template"} {
		if n := at(item, key); n != nil && text(n) != "false" {
			d.leave(n, key+" of "+source, "the file travels as it is")
		}
	}
	if strings.Contains(source+target, "###") {
		d.leave(item, source, "a template: write what it stands for")
		return
	}
	d.addFile(item, source, textAt(item, "shasum"), component+"/"+path.Base(target), component+"/"+target)
}
