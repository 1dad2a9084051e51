package review

import (
	"bytes"
	"net/http"
	"strings"
)

// SniffLength is how many of the first bytes of a blob [Sniff] looks at.
const SniffLength = 512

// magic are signatures that net/http does not know, most telling first.
var magic = []struct {
	offset int
	bytes  string
	name   string
}{
	{0, "\x28\xb5\x2f\xfd", "application/zstd"},
	{257, "ustar", "application/x-tar"},
	{0, "\x7fELF", "application/x-elf"},
	{0, "\xcf\xfa\xed\xfe", "application/x-mach-binary"},
	{0, "\xca\xfe\xba\xbe", "application/x-mach-binary"},
	{0, "MZ", "application/vnd.microsoft.portable-executable"},
	{0, "\xfd7zXZ\x00", "application/x-xz"},
	{0, "BZh", "application/x-bzip2"},
	{0, "!<arch>\n", "application/x-archive"},
	{0, "\xed\xab\xee\xdb", "application/x-rpm"},
	{0, "7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"},
	{0, "#!", "text/x-script"},
	{0, "-----BEGIN ", "application/x-pem-file"},
}

// Sniff is the media type that the first bytes of a blob look like, at most
// [SniffLength] of which count. It is a hint for a reviewer: nothing rests on it,
// and nothing is unpacked for it.
func Sniff(first []byte) string {
	first = first[:min(len(first), SniffLength)]
	if len(first) == 0 {
		return "application/x-empty"
	}
	for _, m := range magic {
		if len(first) >= m.offset && bytes.HasPrefix(first[m.offset:], []byte(m.bytes)) {
			return m.name
		}
	}
	detected, _, _ := strings.Cut(http.DetectContentType(first), ";")
	if start := bytes.TrimLeft(first, " \t\r\n"); detected == "text/plain" && len(start) > 0 && (start[0] == '{' || start[0] == '[') {
		return "application/json"
	}
	return detected
}

// families are what a declared media type must look like, by a part of its name.
var families = []struct{ part, sniffed string }{
	{"+gzip", "application/x-gzip"},
	{"tar.gzip", "application/x-gzip"},
	{"+zstd", "application/zstd"},
	{"layer.v1.tar", "application/x-tar"},
	{"+json", "application/json"},
	{"/json", "application/json"},
}

// contradict reports whether the declared type promises other bytes than were
// seen. A type that promises nothing contradicts nothing.
func contradict(declared, sniffed string) bool {
	if sniffed == "" || sniffed == "not read" || sniffed == "application/x-empty" {
		return false
	}
	for _, f := range families {
		if strings.HasSuffix(declared, f.part) {
			return sniffed != f.sniffed
		}
	}
	return false
}
