package gateway

import (
	"mime"
	"slices"
	"strings"
)

const bytesType = "application/octet-stream"

// contentType is that of the upstream, if it knows one, else the port's.
func contentType(upstream, port string) string {
	switch media, _, _ := mime.ParseMediaType(upstream); {
	case media != "" && media != bytesType && media != "binary/octet-stream":
		return upstream
	case port != "":
		return port
	}
	return bytesType
}

// shown are the types that a browser shows without running anything in them. All
// others it is told to save.
var shown = []string{"application/json", "text/plain", "text/csv", "image/png", "image/jpeg", "image/gif", "image/webp", "image/tiff"}

func inert(contentType string) bool {
	media, _, err := mime.ParseMediaType(contentType)
	return err == nil && (slices.Contains(shown, media) || strings.HasPrefix(media, "application/") && strings.HasSuffix(media, "+json"))
}
