package gateway

import "time"

// Claim is the most that one filtered stream may hold, in bytes.
const Claim = claim

// Take holds so much of the memory of filtered streams for a caller, until the
// function that it returns is called.
func (s *Sources) Take(subject string, bytes int) (giveBack func()) {
	l := &lease{memory: s.memory, who: reader{subject: subject}, wait: time.Nanosecond}
	if _, held := l.try(bytes); !held {
		panic("there is no memory left to take")
	}
	return l.close
}

// Held is what all filtered streams hold, in bytes.
func (s *Sources) Held() (bytes int) {
	s.memory.mu.Lock()
	defer s.memory.mu.Unlock()
	for l := range s.memory.leases {
		bytes += l.held
	}
	return bytes
}
