package gateway

import (
	"fmt"
	"sync"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
)

// DefaultPerCaller is how many streams one caller may have at once.
const DefaultPerCaller = 32

// shares keeps one caller from taking every slot: a stream may be read as slowly
// as its reader likes, within limits. Safe for concurrent use.
type shares struct {
	most int

	mu    sync.Mutex // guards taken
	taken map[holder]int
}

// holder is a caller; a subject is unique within its issuer only.
type holder struct{ issuer, subject string }

// take has the caller begin one more stream, until the function that it returns
// is called.
func (s *shares) take(caller catalog.Caller) (giveBack func(), err error) {
	who := holder{caller.Issuer, caller.Subject}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.taken[who] >= s.most {
		return nil, &catalog.Error{Code: catalog.CodeTooManyRequests, Message: fmt.Sprintf("You read %d streams at once, which is the most. End one of them first.", s.most)}
	}
	s.taken[who]++
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.taken[who]--; s.taken[who] == 0 {
			delete(s.taken, who)
		}
	}, nil
}
