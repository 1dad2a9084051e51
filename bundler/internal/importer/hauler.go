package importer

import (
	"path"
	"strings"

	"go.yaml.in/yaml/v3"
)

// hauler reads one document of a Hauler manifest.
func hauler(d *draft, document *yaml.Node) {
	if d.name == "" {
		d.name = textAt(document, "metadata", "name")
	}
	switch kind := textAt(document, "kind"); kind {
	case "Images":
		haulerAnnotations(d, document)
		for _, item := range items(at(document, "spec", "images")) {
			haulerImage(d, document, item)
		}
	case "Files":
		for _, item := range items(at(document, "spec", "files")) {
			haulerFile(d, item)
		}
	case "Charts":
		d.leaveEach(at(document, "spec", "charts"), "chart", "charts are not taken over: name its OCI artifact under artifacts, and its images", "name")
	default:
		d.leave(document, kind+" "+textAt(document, "metadata", "name"), "only Images and Files are taken over")
	}
}

// verification are the fields and annotations that say who must have signed.
var verification = []string{
	"key", "certificate-identity", "certificate-identity-regexp", "certificate-oidc-issuer", "certificate-oidc-issuer-regexp",
	"certificate-github-workflow-repository",
}

func haulerAnnotations(d *draft, document *yaml.Node) {
	for _, p := range pairs(at(document, "metadata", "annotations")) {
		name, ours := strings.CutPrefix(p.key.Value, "hauler.dev/")
		if ours && name != "platform" && name != "registry" {
			d.leave(p.key, p.key.Value, "whom to trust belongs in policy.yaml, the rest on the command line")
		}
	}
}

// haulerImage reads one image. What it does not state, annotations do.
func haulerImage(d *draft, document, item *yaml.Node) {
	name := textAt(item, "name")
	annotation := func(key string) string { return textAt(document, "metadata", "annotations", "hauler.dev/"+key) }
	if registry := annotation("registry"); registry != "" && name != "" && complete(name) != name {
		name = registry + "/" + name
	}
	platform := textAt(item, "platform")
	if platform == "" {
		platform = annotation("platform")
	}
	var platforms []string
	if platform != "" && platform != "all" {
		platforms = []string{platform}
	}
	for _, key := range verification {
		if n := at(item, key); text(n) != "" {
			d.leave(n, key+" of "+name, "whom to trust belongs in policy.yaml")
		}
	}
	if n := at(item, "rewrite"); text(n) != "" {
		d.leave(n, "rewrite of "+name, "names are rewritten when the bundle is loaded")
	}
	d.addImage(item, name, platforms)
}

func haulerFile(d *draft, item *yaml.Node) {
	source, name := textAt(item, "path"), textAt(item, "name")
	if name == "" {
		location, _, _ := strings.Cut(source, "?")
		name = path.Base(location)
	}
	d.addFile(item, source, "", name)
}
