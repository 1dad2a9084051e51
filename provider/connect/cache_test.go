package connect

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
)

// slowReader is a store of service levels that can fail, lag and hold back. It
// stands for a platform in trouble.
type slowReader struct {
	catalog.Reader
	mu      sync.Mutex
	objects map[string]string // id to revision
	listed  map[string]bool   // ids that the list shows; all when nil
	pages   int               // pages of a list; below 1 for a list without end
	failing error
	hold    chan struct{}

	gets, lists int
}

func (s *slowReader) Get(_ context.Context, ref catalog.Ref) (catalog.Entry, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.gets++
	revision, ok := s.objects[ref.ID]
	if !ok {
		return catalog.Entry{}, &catalog.Error{Code: catalog.CodeNotFound}
	}
	return entryOf(ref.ID, revision), nil
}

func (s *slowReader) List(ctx context.Context, query catalog.Query) (catalog.Page, error) {
	if s.hold != nil {
		select {
		case <-s.hold:
		case <-ctx.Done():
			return catalog.Page{}, ctx.Err()
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lists++
	if s.failing != nil {
		return catalog.Page{}, s.failing
	}
	var page catalog.Page
	for id, revision := range s.objects {
		if s.listed == nil || s.listed[id] {
			page.Entries = append(page.Entries, entryOf(id, revision))
		}
	}
	if s.pages < 1 || s.lists < s.pages {
		page.Next = query.Cursor + "x"
	}
	return page, nil
}

func entryOf(id, revision string) catalog.Entry {
	ref := catalog.Ref{Kind: catalog.KindSLA, ID: id}
	return catalog.Entry{Object: &catalog.SLA{Domain: ref.Domain(), Name: ref.Name()}, Revision: revision}
}

func refTo(n int) catalog.Ref {
	return catalog.Ref{Kind: catalog.KindSLA, ID: fmt.Sprintf("d/s%d", n)}
}

func storeOf(n int) *slowReader {
	s := &slowReader{objects: make(map[string]string), pages: 1}
	for i := range n {
		s.objects[refTo(i).ID] = fmt.Sprint("r", i)
	}
	return s
}

func TestCacheReadsALotByOneList(t *testing.T) {
	t.Parallel()
	s := storeOf(200)
	s.pages = 3
	c := newCache(s)
	var wave sync.WaitGroup
	for i := range 200 {
		wave.Go(func() {
			if entry, err := c.get(t.Context(), refTo(i)); err != nil || entry.Revision != fmt.Sprint("r", i) {
				t.Errorf("object %d: got %v %v", i, entry, err)
			}
		})
	}
	wave.Wait()
	if s.lists != 3 || s.gets != 1 {
		t.Errorf("got %d pages and %d single reads, want 3 and 1", s.lists, s.gets)
	}
}

func TestCacheReadsOneObjectByItself(t *testing.T) {
	t.Parallel()
	s := storeOf(200)
	if _, err := newCache(s).get(t.Context(), refTo(7)); err != nil || s.lists != 0 || s.gets != 1 {
		t.Errorf("got %v, %d lists, %d reads, want a single read", err, s.lists, s.gets)
	}
}

// A list may lag behind: what it does not show is asked for, and only the
// platform's own "not found" counts as gone.
func TestCacheConfirmsAMiss(t *testing.T) {
	t.Parallel()
	s := storeOf(3)
	s.listed = map[string]bool{refTo(0).ID: true}
	c := newCache(s)
	for i, want := range []error{nil, nil, nil, catalog.ErrNotFound} {
		if _, err := c.get(t.Context(), refTo(i)); !errors.Is(err, want) && (err != nil || want != nil) {
			t.Errorf("object %d: got %v, want %v", i, err, want)
		}
	}
	if s.gets != 4 {
		t.Errorf("got %d single reads, want 4: the first, and three that the list does not show", s.gets)
	}
}

func TestCacheWithoutItsListReadsOneByOne(t *testing.T) {
	t.Parallel()
	s := storeOf(5)
	s.failing = &catalog.Error{Code: catalog.CodeInternal}
	c := newCache(s)
	for i := range 5 {
		if _, err := c.get(t.Context(), refTo(i)); err != nil {
			t.Errorf("object %d: %v", i, err)
		}
	}
	if s.lists != 1 || s.gets != 5 {
		t.Errorf("got %d lists and %d reads, want one list that failed and five reads", s.lists, s.gets)
	}
}

// A platform that never ends its list must not hang or fill a plan.
func TestCacheGivesUpAListWithoutEnd(t *testing.T) {
	t.Parallel()
	s := storeOf(2)
	s.pages = 0
	c := newCache(s)
	for i := range 2 {
		if _, err := c.get(t.Context(), refTo(i)); err != nil {
			t.Error(err)
		}
	}
	if s.lists != maxListPages {
		t.Errorf("got %d pages, want %d", s.lists, maxListPages)
	}
}

func TestCacheForgetsWhatIsWritten(t *testing.T) {
	t.Parallel()
	s := storeOf(3)
	c := newCache(s)
	for i := range 3 {
		if _, err := c.get(t.Context(), refTo(i)); err != nil {
			t.Fatal(err)
		}
	}
	s.objects[refTo(1).ID] = "changed"
	c.forget(refTo(1))
	if entry, err := c.get(t.Context(), refTo(1)); err != nil || entry.Revision != "changed" {
		t.Errorf("got %q %v, want the new revision", entry.Revision, err)
	}
}

// A write while the list is on its way: the list may hold what was before.
func TestCacheDistrustsAListOlderThanAWrite(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := storeOf(3)
		s.hold = make(chan struct{})
		c := newCache(s)
		if _, err := c.get(t.Context(), refTo(0)); err != nil {
			t.Fatal(err)
		}
		go func() { _, _ = c.get(t.Context(), refTo(1)) }()
		synctest.Wait() // the list is under way
		c.forget(refTo(2))
		close(s.hold)
		synctest.Wait()
		s.objects[refTo(2).ID] = "changed"
		if entry, err := c.get(t.Context(), refTo(2)); err != nil || entry.Revision != "changed" {
			t.Errorf("got %q %v, want the new revision", entry.Revision, err)
		}
	})
}

// The first to ask for the list may be cancelled; the others still get it.
func TestCacheListOutlivesWhoAskedForIt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := storeOf(3)
		s.hold = make(chan struct{})
		c := newCache(s)
		if _, err := c.get(t.Context(), refTo(0)); err != nil {
			t.Fatal(err)
		}
		first, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		results := make(chan error, 2)
		go func() { _, err := c.get(first, refTo(1)); results <- err }()
		synctest.Wait()
		go func() { _, err := c.get(t.Context(), refTo(2)); results <- err }()
		if err := <-results; !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("the first: got %v, want its own deadline", err)
		}
		close(s.hold)
		if err := <-results; err != nil {
			t.Errorf("the second: %v", err)
		}
		if s.lists != 1 || s.gets != 1 {
			t.Errorf("got %d lists and %d reads, want 1 and 1", s.lists, s.gets)
		}
	})
}
