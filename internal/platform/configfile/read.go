package configfile

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"

	"github.com/meshwright/terraform-provider-datamesh/internal/strictyaml"
)

// The limits of a configuration: bytes, and lists and mappings within each
// other.
const (
	MaxBytes = 1 << 20
	MaxDepth = 12
)

// Read reads and checks the configuration at a path. The error names the file
// and, as [strictyaml.Errors], every mistake with line and column. Whether what
// it names is there is not looked at.
func Read(path string) (File, error) {
	text, err := readLimited(path)
	if err != nil {
		return File{}, fmt.Errorf("configuration: %w", err)
	}
	file, err := Parse(text)
	if err != nil {
		return File{}, fmt.Errorf("configuration %s:\n%w", path, err)
	}
	folder, err := filepath.Abs(filepath.Dir(path))
	if err != nil {
		return File{}, fmt.Errorf("configuration: %w", err)
	}
	resolve(reflect.ValueOf(&file).Elem(), folder)
	return file, nil
}

func readLimited(path string) (text []byte, err error) {
	file, err := os.Open(path) //nolint:gosec // the operator names the file
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	return io.ReadAll(io.LimitReader(file, MaxBytes+1))
}

// Parse reads and checks a configuration, and leaves names of files as they
// are. The error is a [strictyaml.Errors].
func Parse(text []byte) (File, error) {
	var file File
	err := strictyaml.Decode(text, strictyaml.Limits{Bytes: MaxBytes, Depth: MaxDepth, First: "listen: address:port"}, &file)
	if err != nil {
		return File{}, err
	}
	return file, nil
}

// resolve makes the names of files absolute, wherever they stand.
func resolve(v reflect.Value, folder string) {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			if namesFiles(v.Type().Field(i).Tag.Get("yaml")) {
				absolute(v.Field(i), folder)
			} else {
				resolve(v.Field(i), folder)
			}
		}
	case reflect.Slice:
		for i := range v.Len() {
			resolve(v.Index(i), folder)
		}
	case reflect.Map:
		for _, key := range v.MapKeys() {
			entry := reflect.New(v.Type().Elem()).Elem()
			entry.Set(v.MapIndex(key))
			resolve(entry, folder)
			v.SetMapIndex(key, entry)
		}
	}
}

func namesFiles(key string) bool {
	return strings.HasSuffix(key, "_file") || strings.HasSuffix(key, "_files") || strings.HasSuffix(key, "_dir")
}

func absolute(v reflect.Value, folder string) {
	switch v.Kind() {
	case reflect.Slice:
		for i := range v.Len() {
			absolute(v.Index(i), folder)
		}
	case reflect.String:
		if name := v.String(); name != "" && !filepath.IsAbs(name) {
			v.SetString(filepath.Join(folder, name))
		}
	}
}
