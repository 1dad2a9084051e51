package identity

import (
	"context"
	"fmt"
	"time"
)

// source is where the keys of an issuer come from.
type source interface {
	// current is the keys as they are known, none when they are not.
	current() keySet
	// renewed is the keys for a token whose key is not among the current ones.
	renewed() keySet
	// lasts is until when the current keys are good, the zero time for as long
	// as they stay.
	lasts() time.Time
	// poll looks at files; follow asks over the network until ctx ends.
	poll() (changed bool, err error)
	follow(ctx context.Context)
	trouble() error
}

// keyFile is a key set in a file.
type keyFile struct{ *watched[keySet] }

func openKeyFile(path string) (keyFile, error) {
	w, err := watch(func() (keySet, error) {
		text, err := readFile(path)
		if err != nil {
			return nil, fmt.Errorf("key set: %w", err)
		}
		keys, err := parseKeys(text)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		return keys, nil
	}, path)
	f := keyFile{w}
	if err == nil {
		err = f.trouble() // a server is not started for an issuer without keys
	}
	return f, err
}

// trouble tells of a set without keys, too.
func (f keyFile) trouble() error {
	if err := f.watched.trouble(); err != nil {
		return err
	}
	if len(f.get()) == 0 {
		return fmt.Errorf("%s: %w", f.files[0], errNoKeys)
	}
	return nil
}

func (f keyFile) current() keySet        { return f.get() }
func (f keyFile) renewed() keySet        { return f.get() }
func (f keyFile) lasts() time.Time       { return time.Time{} }
func (f keyFile) follow(context.Context) {}
