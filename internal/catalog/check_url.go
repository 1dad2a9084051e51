package catalog

import (
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// userPart finds a user or a password in front of a host. It looks at the text
// and not at a parsed URL: a secret in a URL that does not parse is one too.
var userPart = regexp.MustCompile(`//[^/?#]*@`)

// url checks an address with one of the schemes. It has no user part: a
// password there would be shown to everyone who sees the object.
func (f *findings) url(field, text string, schemes ...string) {
	if text == "" {
		f.required(field)
		return
	}
	if len(text) > MaxURL {
		f.add(field, RuleLimit, "Shorten it.", "The URL has %d bytes, the limit is %d.", len(text), MaxURL)
		return
	}
	f.optionalURLText(field, text)
	u, err := url.Parse(text)
	fix := "Write a URL that starts with " + strings.Join(schemes, ":// or ") + "://."
	switch {
	case userPart.MatchString(text):
		f.add(field, RuleFormat, "Leave out what stands before the @; consumers bring their own credentials.", "The URL carries a user or a password.")
	case err != nil: // its text repeats the URL
		f.add(field, RuleFormat, fix, "This is not a URL.")
	case !slices.Contains(schemes, u.Scheme):
		f.add(field, RuleFormat, fix, "The scheme %s does not fit.", shown(u.Scheme))
	case u.Opaque != "", u.Host == "" && !slices.Contains([]string{"file", "sqlite"}, u.Scheme), u.Host == "" && !strings.HasPrefix(u.Path, "/"):
		f.add(field, RuleFormat, fix, "The URL names no host.")
	}
}

// optionalURLText refuses what no URL has unescaped (RFC 3986 section 2).
func (f *findings) optionalURLText(field, text string) {
	f.printable(field, text)
	if strings.ContainsAny(text, " \t\r\n\"<>\\^`{|}") {
		f.add(field, RuleFormat, "Escape it as % and two hexadecimal digits.", "The URL has a character that a URL must escape.")
	}
}

// source checks the name of a raw feed: a URL or any other printable text.
func (f *findings) source(field, text string) {
	if len(text) > MaxURL {
		f.add(field, RuleLimit, "Shorten it.", "The source has %d bytes, the limit is %d.", len(text), MaxURL)
	}
	if strings.TrimSpace(text) == "" {
		f.required(field)
	}
	f.printable(field, text)
	if strings.ContainsAny(text, "\n\r\t") {
		f.add(field, RuleFormat, "Write it on one line.", "The text has a line break or a tab.")
	}
	if userPart.MatchString(text) {
		f.add(field, RuleFormat, "Leave out what stands before the @.", "The source carries a user or a password.")
	}
}

// sameURL reports whether both name one place: case of scheme and host, a
// default port, a last slash and a fragment make no difference.
func sameURL(a, b string) bool {
	x, errX := url.Parse(a)
	y, errY := url.Parse(b)
	if errX != nil || errY != nil {
		return a == b
	}
	return place(x) == place(y)
}

func place(u *url.URL) string {
	scheme, host := strings.ToLower(u.Scheme), strings.ToLower(u.Host)
	for _, d := range []struct{ scheme, port string }{{"http", ":80"}, {"https", ":443"}} {
		if scheme == d.scheme {
			host = strings.TrimSuffix(host, d.port)
		}
	}
	return scheme + "://" + host + strings.TrimRight(u.EscapedPath(), "/") + "?" + u.RawQuery + u.Opaque
}
