package door

import (
	"fmt"
	"sync"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
)

// shares keeps one caller from taking every place: a body may arrive, and an
// answer be read, as slowly as its sender or reader likes. Safe for concurrent use.
type shares struct {
	most int

	mu    sync.Mutex // guards taken
	taken map[holder]int
}

// holder is a caller; a subject is unique within its issuer only.
type holder struct{ issuer, subject string }

// take counts one more place of the caller, until the function that it returns is
// called.
func (s *shares) take(caller catalog.Caller) (giveBack func(), err error) {
	who := holder{caller.Issuer, caller.Subject}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.taken[who] >= s.most {
		return nil, &catalog.Error{Code: catalog.CodeTooManyRequests, Message: fmt.Sprintf("You have %d requests at once, which is the most here. Wait for one of them to end.", s.most)}
	}
	s.taken[who]++
	return func() { s.give(who) }, nil
}

func (s *shares) give(who holder) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.taken[who]--; s.taken[who] == 0 {
		delete(s.taken, who)
	}
}
