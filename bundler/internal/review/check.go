package review

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
)

// Check reads a manifest in the JSON form and compares it with the bundle: the
// heading, and of each row its place and whose bytes it says they are. What was
// seen of the bytes (sniffed types, licences) is not compared. It is an error
// when a row is missing, planted, moved or changed.
func (m *Manifest) Check(r io.Reader) error {
	d := json.NewDecoder(r)
	d.DisallowUnknownFields()
	c := checker{decoder: d, manifest: m}
	if err := c.check(); err != nil {
		return fmt.Errorf("review manifest: %w", err)
	}
	return nil
}

type checker struct {
	decoder  *json.Decoder
	manifest *Manifest
}

// check reads one key after another in the order that WriteJSON has, and never
// holds more than one row.
func (c *checker) check() error {
	if err := c.delimiter('{'); err != nil {
		return err
	}
	h := c.manifest.heading()
	steps := []func() error{
		func() error { return same(c, "format", h.Format) }, func() error { return same(c, "bundle", h.Bundle) },
		func() error { return same(c, "stream", h.Stream) }, func() error { return same(c, "marking", h.Marking) },
		func() error { return same(c, "lock", h.Lock) }, func() error { return c.volumes(h.Volumes) },
		c.rows, func() error { return c.delimiter('}') },
	}
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	if _, err := c.decoder.Token(); !errors.Is(err, io.EOF) {
		return errors.New("there is something behind its end")
	}
	return nil
}

func (c *checker) delimiter(want json.Delim) error {
	token, err := c.decoder.Token()
	if err != nil || token != want {
		return fmt.Errorf("is not one: %s is missing", want)
	}
	return nil
}

func (c *checker) key(want string) error {
	token, err := c.decoder.Token()
	if err != nil || token != want {
		return fmt.Errorf("lacks %s where it belongs", want)
	}
	return nil
}

func same[T comparable](c *checker, key string, want T) error {
	var got T
	if err := c.key(key); err != nil {
		return err
	}
	if err := c.decoder.Decode(&got); err != nil || got != want {
		return fmt.Errorf("%s is not that of the bundle: it was made for another one", key)
	}
	return nil
}

func (c *checker) volumes(want []Volume) error {
	if err := c.key("volumes"); err != nil {
		return err
	}
	return each(c, slices.Values(want), func(got, want Volume) error {
		if got != want {
			return fmt.Errorf("volume %q does not have the size and rows of %s", got.Name, want.Name)
		}
		return nil
	})
}

func (c *checker) rows() error {
	if err := c.key("rows"); err != nil {
		return err
	}
	return each(c, c.manifest.Rows(), compareRows)
}

// each compares a list with the one that is expected, element by element.
func each[T any](c *checker, expected iter.Seq[T], compare func(got, want T) error) error {
	if err := c.delimiter('['); err != nil {
		return err
	}
	for want := range expected {
		var got T
		if !c.decoder.More() {
			return errors.New("ends before the bundle does")
		}
		if err := c.decoder.Decode(&got); err != nil {
			return err
		}
		if err := compare(got, want); err != nil {
			return err
		}
	}
	if c.decoder.More() {
		return errors.New("lists what is not in the bundle")
	}
	return c.delimiter(']')
}

func compareRows(got, want Row) error {
	if got.Volume == want.Volume && got.Offset == want.Offset && got.Size == want.Size && got.Path == want.Path && got.Kind == want.Kind &&
		got.Digest == want.Digest && got.BlobSize == want.BlobSize && got.BlobOffset == want.BlobOffset && got.Declared == want.Declared &&
		slices.Equal(got.Items, want.Items) && slices.Equal(got.Markings, want.Markings) && slices.Equal(got.Signers, want.Signers) && slices.Equal(got.Why, want.Why) {
		return nil
	}
	return fmt.Errorf("row of %.200q at %d is not the one of %s at %d in %s", got.Path, got.Offset, want.Path, want.Offset, want.Volume)
}
