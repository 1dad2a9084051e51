package importer

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// ocMirror reads an image set configuration: the additional images that are not
// blocked.
func ocMirror(d *draft, document *yaml.Node) {
	var blocked []string
	for _, item := range items(at(document, "mirror", "blockedImages")) {
		blocked = append(blocked, textAt(item, "name"))
	}
	for _, p := range pairs(document) {
		switch p.key.Value {
		case "kind", "apiVersion", "mirror":
		case "archiveSize":
			ocMirrorSize(d, p.value)
		default:
			d.leave(p.key, p.key.Value, "not taken over: a bundle keeps no such state")
		}
	}
	for _, p := range pairs(at(document, "mirror")) {
		switch p.key.Value {
		case "additionalImages":
			for _, item := range items(p.value) {
				ocMirrorImage(d, item, blocked)
			}
		case "blockedImages":
		case "operators":
			d.leaveEach(p.value, "operators of", "catalogs are not resolved: name the images that they come to", "catalog")
		default:
			d.leave(p.key, p.key.Value, "not taken over: name the images that it comes to")
		}
	}
}

// ocMirrorSize reads the size of an archive, in GiB.
func ocMirrorSize(d *draft, n *yaml.Node) {
	if size, err := strconv.Atoi(text(n)); err == nil && size > 0 && size <= 1<<20 {
		d.size = strconv.Itoa(size) + "GiB"
		return
	}
	d.leave(n, "archiveSize", "not a whole number of GiB")
}

func ocMirrorImage(d *draft, item *yaml.Node, blocked []string) {
	name := textAt(item, "name")
	for _, key := range []string{"targetRepo", "targetTag"} {
		if n := at(item, key); text(n) != "" {
			d.leave(n, key+" of "+name, "names are rewritten when the bundle is loaded")
		}
	}
	if slices.Contains(blocked, name) {
		d.leave(item, name, "the manifest blocks it")
		return
	}
	d.addImage(item, name, nil)
}

// skopeoLists are the keys of a registry under which images are named.
var skopeoLists = []string{"images", "images-by-tag-regex", "images-by-semver"}

// skopeo reads the source file of skopeo sync: registries, below them
// repositories and what is wanted of each.
func skopeo(d *draft, document *yaml.Node) {
	for _, registry := range pairs(document) {
		host := registry.key.Value
		for _, p := range pairs(registry.value) {
			switch p.key.Value {
			case "images":
				for _, repository := range pairs(p.value) {
					skopeoImages(d, host, repository)
				}
			case "images-by-tag-regex":
				for _, repository := range pairs(p.value) {
					skopeoExpression(d, host, repository)
				}
			case "images-by-semver":
				for _, repository := range pairs(p.value) {
					d.addSelection(repository.key, image{repo: complete(host + "/" + repository.key.Value), versions: text(repository.value)})
				}
			case "credentials":
				d.leave(p.key, "credentials of "+host, "never copied: log in to the registry instead (docker config), and remove them from that file")
			default:
				d.leave(p.key, p.key.Value+" of "+host, "how to reach a registry is said on the command line")
			}
		}
	}
}

// skopeoExpression takes over an expression that compiles by itself: one that
// does not, such as "a)|(b", would get another meaning inside of ours.
func skopeoExpression(d *draft, host string, repository pair) {
	expression, name := text(repository.value), host+"/"+repository.key.Value
	if _, err := regexp.Compile(expression); err != nil || expression == "" {
		d.leave(repository.key, name+" "+expression, "not an RE2 expression")
		return
	}
	d.addSelection(repository.key, image{repo: complete(name), tags: wholeTag(expression)})
}

// skopeoImages takes over tags and digests; an empty list is all tags.
func skopeoImages(d *draft, host string, repository pair) {
	name := host + "/" + repository.key.Value
	wanted := items(repository.value)
	if len(wanted) == 0 {
		d.addSelection(repository.key, image{repo: complete(name), tags: ".*"})
	}
	for _, item := range wanted {
		between := ":"
		if strings.HasPrefix(text(item), "sha256:") {
			between = "@"
		}
		d.addImage(item, name+between+text(item), nil)
	}
}

// addSelection takes over a range or an expression.
func (d *draft) addSelection(n *yaml.Node, i image) {
	name := strings.TrimSpace(i.repo + " " + i.versions + i.tags)
	if err := d.tryImage(i); err != nil {
		d.leave(n, name, err.Error())
		return
	}
	if d.once(n, name) {
		d.images = append(d.images, i)
	}
}

// anchored is an expression that matches whole tags as it stands.
var anchored = regexp.MustCompile(`^\^[^|]*[^\\|]\$$`)

// wholeTag turns an expression that may match anywhere in a tag into one that
// matches whole tags.
func wholeTag(expression string) string {
	if anchored.MatchString(expression) {
		return expression
	}
	return ".*(?:" + expression + ").*"
}

// imgpkg reads an image lock, every image of which has a digest.
func imgpkg(d *draft, document *yaml.Node) {
	for _, item := range items(at(document, "images")) {
		d.addImage(item, textAt(item, "image"), nil)
		for _, location := range items(at(item, "locations")) {
			d.leave(location, "location "+text(location), "images are taken from where they are named")
		}
	}
}
