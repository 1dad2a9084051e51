package door

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/wire"
)

// ReadBody reads a body of at most limit bytes in one of the media types. A
// request that names no type is taken for the type "", which is then among
// them or not. The error is a *[catalog.Error] or a *[wire.Refusal]: 400, 408,
// 413 or 415.
func ReadBody(r *http.Request, limit int64, types ...string) ([]byte, error) {
	if encoding := r.Header.Get("Content-Encoding"); encoding != "" && !strings.EqualFold(encoding, "identity") {
		return nil, wire.Refuse(http.StatusUnsupportedMediaType, "The body is compressed: send it plain.")
	}
	if !isOneOf(r.Header.Values("Content-Type"), types) {
		return nil, wire.Refuse(http.StatusUnsupportedMediaType, "The Content-Type is not "+types[0]+".")
	}
	tooLarge := &catalog.Error{Code: catalog.CodeTooLarge, Message: fmt.Sprintf("The body is longer than %d bytes.", limit)}
	if r.ContentLength > limit {
		return nil, tooLarge
	}
	body, err := io.ReadAll(http.MaxBytesReader(nil, r.Body, limit))
	if longer := (*http.MaxBytesError)(nil); errors.As(err, &longer) {
		return nil, tooLarge
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return nil, wire.Refuse(http.StatusRequestTimeout, "The body did not arrive in time.")
	}
	if err != nil {
		return nil, wire.Refuse(http.StatusBadRequest, "The body did not arrive whole.")
	}
	return body, nil
}

// isOneOf reads the Content-Type header. Two of them are none: what stands in
// between may have judged the other one.
func isOneOf(header, types []string) bool {
	switch {
	case len(header) > 1:
		return false
	case len(header) == 0 || header[0] == "":
		return slices.Contains(types, "")
	}
	media, parameters, err := mime.ParseMediaType(header[0])
	charset := parameters["charset"]
	return err == nil && media != "" && slices.Contains(types, media) && (charset == "" || strings.EqualFold(charset, "utf-8"))
}

// Accepted is the first of the media types, all of them "application/…", that
// the Accept header takes with the greatest quality (RFC 9110 section 12.5.1),
// "" when it takes none. A request without the header takes all.
func Accepted(r *http.Request, types ...string) string {
	header := strings.Join(r.Header.Values("Accept"), ",")
	switch {
	case strings.TrimSpace(header) == "":
		return types[0]
	case slices.Contains(types, header):
		return header
	}
	best, most := "", 0.0
	for _, name := range types {
		if q := quality(header, name); q > most {
			best, most = name, q
		}
	}
	return best
}

// quality is that of the most specific range in the header that the type is in.
func quality(header, name string) float64 {
	q, specific := 0.0, 0
	for media := range strings.SplitSeq(header, ",") {
		rangeName, parameters, err := mime.ParseMediaType(media)
		if err != nil {
			continue
		}
		if fit := fits(rangeName, name); fit > specific {
			q, specific = weight(parameters["q"]), fit
		}
	}
	return q
}

// fits says how specific a range is for a type it holds: 3 for the type itself,
// 1 for any; 0 when it does not hold it.
func fits(rangeName, name string) int {
	switch rangeName {
	case name:
		return 3
	case "application/*":
		return 2
	case "*/*":
		return 1
	}
	return 0
}

func weight(q string) float64 {
	value, err := strconv.ParseFloat(q, 64)
	if err != nil || value > 1 || value < 0 {
		return 1 // as when it says nothing
	}
	return value
}
