package store

import "fmt"

// Panic is what Update panics with when its function did.
type Panic struct {
	Value any    // what the function panicked with
	Stack []byte // of the goroutine that ran it
}

func (p *Panic) Error() string { return fmt.Sprintf("panic: %v\n%s", p.Value, p.Stack) }
