package door

import (
	"sync"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
)

// shares keeps one caller from taking every slot: a body may arrive as slowly as
// its sender likes, within the time limit. Safe for concurrent use.
type shares struct {
	most int

	mu    sync.Mutex // guards taken
	taken map[holder]int
}

// holder is a caller; a subject is unique within its issuer only.
type holder struct{ issuer, subject string }

// take counts one more request of the caller, until the function that it returns
// is called.
func (s *shares) take(caller catalog.Caller) (giveBack func(), err error) {
	who := holder{caller.Issuer, caller.Subject}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.taken[who] >= s.most {
		return nil, &catalog.Error{Code: catalog.CodeTooManyRequests, Message: "The platform serves as many requests of yours as it can. Wait for one of them to end."}
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
