package gateway

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path"
	"slices"
	"strings"
	"syscall"
	"time"
)

// directory is an upstream on this machine.
type directory struct{ root []string }

// open reads a regular file. Everything below the port is opened from the
// port's own folder, so that a symbolic link leads nowhere outside of it,
// whoever made it and whenever.
func (d *directory) open(_ context.Context, wanted resource) (*answer, error) {
	port, err := takeApart(wanted.port)
	if err != nil {
		return nil, err
	}
	if !(segmented{path: d.root}).holds(segmented{path: port.path}) || wanted.port.Host != "" && wanted.port.Host != "localhost" {
		return nil, errNoUpstream
	}
	folder, below := port.path, wanted.below
	if len(below) == 0 && len(folder) > len(d.root) { // the port is the file
		folder, below = folder[:len(folder)-1], folder[len(folder)-1:]
	}
	if len(below) == 0 || wanted.folder && len(wanted.below) > 0 {
		return nil, errAbsent // a list of files is no data of the product
	}
	file, err := d.regular(folder[len(d.root):], below)
	if err != nil {
		return nil, err
	}
	a, err := section(file, wanted)
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return a, nil
}

// regular opens the file if it is one. What is no regular file is not opened at
// all: to open a pipe waits for a writer, to open a device may do anything. One
// that takes the file's place meanwhile is opened without waiting, and closed.
func (d *directory) regular(folder, below []string) (*os.File, error) {
	outer, err := os.OpenRoot("/" + path.Join(d.root...))
	if err != nil {
		return nil, err
	}
	defer func() { _ = outer.Close() }() // nothing was written
	port := path.Join(append([]string{"."}, folder...)...)
	if info, err := outer.Stat(port); err != nil || !info.IsDir() {
		return nil, absent(err)
	}
	root, err := outer.OpenRoot(port)
	if err != nil {
		return nil, absent(err)
	}
	defer func() { _ = root.Close() }() // as above
	name := path.Join(below...)
	if info, err := root.Stat(name); err != nil || !info.Mode().IsRegular() {
		return nil, absent(err)
	}
	file, err := root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, absent(err)
	}
	if info, err := file.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil, errors.Join(absent(err), file.Close())
	}
	return file, nil
}

// absent is the error for what is not there, is no regular file, or is reached
// through a link to the outside.
func absent(err error) error {
	if err == nil || errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) || errors.Is(err, syscall.ELOOP) || escapes(err) {
		return errors.Join(errAbsent, err)
	}
	return err
}

// escapes reports whether os.Root refused a way out, an error that it does not
// export.
func escapes(err error) bool {
	return strings.Contains(err.Error(), "path escapes from parent")
}

// section answers as http.ServeContent does, which computes status and header;
// the file is left where the part begins.
func section(file *os.File, wanted resource) (*answer, error) {
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	probe := &probe{header: http.Header{"Etag": {fileTag(info, time.Now())}, "Content-Type": {""}}}
	http.ServeContent(probe, &http.Request{Method: http.MethodHead, Header: wanted.asked}, "", info.ModTime(), file)
	if probe.status == http.StatusPartialContent && probe.header.Get("Content-Length") == "0" { // the last no bytes
		return nil, &rangeError{fmt.Sprintf("bytes */%d", info.Size())}
	}
	switch probe.status {
	case http.StatusOK, http.StatusPartialContent, http.StatusNotModified:
	case http.StatusRequestedRangeNotSatisfiable:
		return nil, &rangeError{probe.header.Get("Content-Range")}
	default:
		return nil, fmt.Errorf("%s cannot be read: status %d", file.Name(), probe.status)
	}
	a := &answer{status: probe.status, header: http.Header{}, body: file}
	for _, name := range passing {
		if value := probe.header.Get(name); value != "" {
			a.header.Set(name, value)
		}
	}
	a.size = number(probe.header.Get("Content-Length")) // 0 without one, as of 304
	var first int64
	if found := contentRange.FindStringSubmatch(probe.header.Get("Content-Range")); found != nil {
		first = number(found[1])
	}
	_, err = file.Seek(first, io.SeekStart)
	return a, err
}

var errRewritten = errors.New("the file was written while it was read: replace it by renaming another")

// steady reads a file for as long as nobody writes it. What was read before and
// after may be two halves of one record, of which the first has the mark. A time
// of change is set before the bytes are, so it is looked at behind each read.
func steady(body io.Reader) io.Reader {
	file, is := body.(*os.File)
	if !is {
		return body
	}
	was, err := file.Stat()
	return readerFunc(func(p []byte) (int, error) {
		if err != nil {
			return 0, err
		}
		n, failed := file.Read(p)
		now, unknown := file.Stat()
		if unknown != nil || now.Size() != was.Size() || !now.ModTime().Equal(was.ModTime()) {
			return 0, errors.Join(errRewritten, unknown)
		}
		return n, failed
	})
}

// probe is a response writer that keeps the header.
type probe struct {
	status int
	header http.Header
}

func (p *probe) Header() http.Header         { return p.header }
func (p *probe) WriteHeader(status int)      { p.status = status }
func (p *probe) Write(b []byte) (int, error) { return len(b), nil }

// settled is how old a change must be before a time of change tells it from the
// next one: clocks of file systems have steps.
const settled = 2 * time.Second

// fileTag is strong once no other content can have the same size and times of
// change, and weak before that. It says none of them.
func fileTag(info fs.FileInfo, now time.Time) string {
	changed := changeTime(info)
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %d %d %d", info.Name(), info.Size(), info.ModTime().UnixNano(), changed.UnixNano()))
	tag := fmt.Sprintf(`"%x"`, sum[:16])
	if now.Sub(info.ModTime()) < settled || now.Sub(changed) < settled {
		return "W/" + tag
	}
	return tag
}

// pathSegments are those of an absolute path of the configuration.
func pathSegments(text string) ([]string, bool) {
	if !path.IsAbs(text) || path.Clean(text) != text || text == "/" {
		return nil, false
	}
	names := strings.Split(text[1:], "/")
	return names, !slices.ContainsFunc(names, func(name string) bool { return !plain(name) })
}
