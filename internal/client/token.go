package client

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/meshwright/terraform-provider-datamesh/internal/outbound"
)

const maxTokenBytes = 64 << 10

// tokenSource holds the token of a platform.
type tokenSource struct {
	file string // "" when the token was given

	mu    sync.Mutex
	token string
}

func newTokenSource(o Options) (*tokenSource, error) {
	if o.Token != "" && o.TokenFile != "" {
		return nil, errors.New("token and token_file exclude each other: set one of them")
	}
	if err := checkToken(o.Token); err != nil {
		return nil, fmt.Errorf("token: %w", err)
	}
	source := &tokenSource{file: o.TokenFile, token: o.Token}
	if source.file == "" {
		return source, nil
	}
	token, err := readToken(source.file)
	source.token = token
	return source, err
}

// current is the token to send, "" for none.
func (s *tokenSource) current() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.token
}

// renew reads the file again after the platform refused a token and reports
// whether there is another one to try. Requests that were refused at the same
// time share what the first of them found.
func (s *tokenSource) renew(refused string) bool {
	if s.file == "" {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.token != refused {
		return true
	}
	token, err := readToken(s.file)
	if err != nil || token == refused {
		return false // the refusal itself says what is wrong
	}
	s.token = token
	return true
}

func readToken(file string) (string, error) {
	text, err := outbound.ReadFile(file, maxTokenBytes)
	if err != nil {
		return "", fmt.Errorf("token_file: %w", err)
	}
	token := string(bytes.TrimSpace(text))
	if token == "" {
		return "", fmt.Errorf("token_file: %s is empty", file)
	}
	if err := checkToken(token); err != nil {
		return "", fmt.Errorf("token_file: %s: %w", file, err)
	}
	return token, nil
}

// checkToken refuses what would break out of the header. It never repeats the
// token.
func checkToken(token string) error {
	if strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return errors.New("the token has spaces, line breaks or characters outside ASCII")
	}
	return nil
}
