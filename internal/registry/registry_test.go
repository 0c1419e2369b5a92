package registry

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"unicode/utf8"
	"unsafe"

	"github.com/nodemetrics/nodemetrics/internal/race"
)

// handle counts records. Its mutex makes a record, a Forget and a look one step
// each, as a node's ring does.
type handle struct {
	name    string
	mu      sync.Mutex
	closed  bool
	records int
	running *atomic.Int64 // also the successor's
}

func (h *handle) forgotten() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.closed
}

// record reports whether the handle has taken a record.
func (h *handle) record() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.closed {
		h.records++
	}
	return !h.closed
}

// forget makes the handle forgotten and returns its records.
func (h *handle) forget() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	records := h.records
	h.closed, h.records = true, 0
	return records
}

const overflow = "(overflow)"

// table is a registry of handles.
type table struct {
	Registry[*handle]
	overflow *handle
	mu       sync.Mutex
	created  []*handle
}

func newTable(limit int) *table {
	c := new(table)
	c.overflow = c.create(overflow)
	c.Init(Rules[*handle]{
		Limit:        limit,
		Overflow:     c.overflow,
		OverflowName: overflow,
		Create:       c.create,
		Forgotten:    (*handle).forgotten,
		Busy:         func(h *handle) bool { return h.running.Load() > 0 },
		Inherit:      func(successor, old *handle) { successor.running = old.running },
	})
	return c
}

func (c *table) create(name string) *handle {
	c.mu.Lock()
	defer c.mu.Unlock()
	h := &handle{name: name, running: new(atomic.Int64)}
	c.created = append(c.created, h)
	return h
}

// record records once under a name and returns the handle that took it.
func (c *table) record(name string) *handle {
	for {
		if h, _ := c.Register(name); h.record() {
			return h
		}
	}
}

// forget forgets a name and returns the records of its handle.
func (c *table) forget(name string) int {
	h, ok := c.Lookup(name)
	if !ok || h == c.overflow {
		return 0
	}
	records := h.forget()
	c.Remove(h.name)
	return records
}

// atRest checks a registry that nobody uses.
func (c *table) atRest() error {
	listed := map[string]*handle{}
	c.handles.Range(func(name string, h *handle) bool { listed[name] = h; return true })
	if listed[overflow] != c.overflow {
		return fmt.Errorf("the overflow handle is not in the map")
	}
	if n := int64(len(listed) - 1); c.reserved.Load() != n || c.visible.Load() != n || n > int64(c.rules.Limit) {
		return fmt.Errorf("%d names, %d reserved, %d visible, at most %d", n, c.reserved.Load(), c.visible.Load(), c.rules.Limit)
	}
	for name, h := range listed {
		if h.name != name || !utf8.ValidString(name) {
			return fmt.Errorf("the handle of %q is under %q", h.name, name)
		}
		if h.forgotten() && h.running.Load() == 0 {
			return fmt.Errorf("the handle of %q is forgotten and idle", name)
		}
	}
	return nil
}

// TestOneGoroutineAgreesWithTheModel compares a registry with a map of names,
// in random order.
func TestOneGoroutineAgreesWithTheModel(t *testing.T) {
	spellings := [][]string{{"a"}, {"b"}, {""}, {"c\uFFFD", "c\xff", "c\xfe\xfe"}, {overflow}}
	for seed := range uint64(200) {
		random := rand.New(rand.NewPCG(seed, 1))
		limit := 1 + random.IntN(4)
		c, model := newTable(limit), map[string]int{overflow: 0}
		for step := range 100 {
			group := spellings[random.IntN(len(spellings))]
			name, spelt := group[0], group[random.IntN(len(group))]
			failf := func(format string, args ...any) {
				t.Helper()
				t.Fatalf("seed %d, step %d, name %q: %s", seed, step, spelt, fmt.Sprintf(format, args...))
			}
			if random.IntN(3) == 0 {
				want := model[name]
				if name == overflow {
					want = 0
				} else {
					delete(model, name)
				}
				if got := c.forget(spelt); got != want {
					failf("forgot %d records, want %d", got, want)
				}
			} else {
				want := name
				if _, known := model[name]; !known && len(model)-1 == limit {
					want = overflow
				}
				model[want]++
				if got := c.record(spelt).name; got != want {
					failf("recorded by %q, want %q", got, want)
				}
			}
			got := map[string]int{}
			for _, h := range c.All() {
				got[h.name] = h.records
			}
			if !maps.Equal(got, model) || c.Len() != len(model)-1 {
				failf("got %v and %d names, want %v", got, c.Len(), model)
			}
			for _, group := range spellings {
				want, known := model[group[0]]
				for _, spelt := range group {
					if h, ok := c.Lookup(spelt); ok != known || ok && h.records != want {
						failf("Lookup of %q: %v, want %v", spelt, ok, known)
					}
				}
			}
			if err := c.atRest(); err != nil {
				failf("%v", err)
			}
		}
	}
}

func TestABusyHandleStaysUntilItIsIdle(t *testing.T) {
	c := newTable(1)
	h, _ := c.Register("a")
	h.running.Add(1)
	c.forget("a")
	if listed, ok := c.Load("a"); !ok || listed != h || c.Len() != 1 {
		t.Errorf("a busy handle is in the map: %v, %d names", ok, c.Len())
	}
	next := c.record("a")
	if listed, _ := c.Load("a"); listed != next || next == h || next.running != h.running || c.Len() != 1 {
		t.Errorf("its successor is not in its place, or knows nothing of what runs")
	}
	c.forget("a")
	h.running.Add(-1)
	c.Remove("a")
	if err := c.atRest(); err != nil || c.Len() != 0 {
		t.Errorf("idle: %d names, %v", c.Len(), err)
	}
}

func TestCreateMayUseTheRegistry(t *testing.T) {
	c := newTable(3)
	create := c.rules.Create
	c.rules.Create = func(name string) *handle {
		if name == "a" {
			c.record("b")
			c.forget("b")
			c.record("c")
		}
		return create(name)
	}
	if h := c.record("a"); h.name != "a" || c.Len() != 2 {
		t.Errorf("recorded by %q, %d names", h.name, c.Len())
	}
}

func TestAKnownNameAndAFullRegistryCreateNothing(t *testing.T) {
	c := newTable(1)
	c.record("a\xff")
	for _, name := range []string{"a\xfe", "a\uFFFD", "b", "\xff", overflow} {
		before := len(c.created)
		if c.Register(name); len(c.created) != before {
			t.Errorf("Register(%q) made a handle", name)
		}
	}
}

// A name may be a part of something large, which must not live as long as the
// registry.
func TestANameIsCopied(t *testing.T) {
	name := strings.Repeat("a", 10)
	if h, _ := newTable(1).Register(name); h.name != name || unsafe.StringData(h.name) == unsafe.StringData(name) {
		t.Errorf("the handle's name %q is the caller's string", h.name)
	}
}

// TestNoRecordIsLostInARace races records and Forgets of few names.
func TestNoRecordIsLostInARace(t *testing.T) {
	const recorders, records = 3, 3000
	for limit := 1; limit <= 3; limit++ {
		c := newTable(limit)
		names := []string{"a", "b\xff", "c"}
		var recording, forgetting sync.WaitGroup
		var done atomic.Bool
		var forgotten atomic.Int64
		for g := range recorders {
			recording.Go(func() {
				for i := range records {
					c.record(names[(g+i)%len(names)])
				}
			})
		}
		for g := range 2 {
			forgetting.Go(func() {
				for i := g; !done.Load(); i++ {
					forgotten.Add(int64(c.forget(names[i%len(names)])))
					if n := c.Len(); n > limit {
						t.Errorf("%d names, at most %d", n, limit)
					}
				}
			})
		}
		recording.Wait()
		done.Store(true)
		forgetting.Wait()
		sum := int(forgotten.Load())
		for _, h := range c.All() {
			sum += h.records
		}
		if sum != recorders*records {
			t.Errorf("limit %d: %d records, want %d", limit, sum, recorders*records)
		}
		if err := c.atRest(); err != nil {
			t.Error(err)
		}
	}
}

func TestLookupOfAnInvalidNameDoesNotAllocate(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector drops what a sync.Pool keeps")
	}
	c := newTable(1)
	c.record("a\xff")
	if got := testing.AllocsPerRun(1000, func() {
		c.Register("a\xfe") // known
		c.Register("b\xfe") // has no place
		c.Lookup("b\xfe")
	}); got >= 1 {
		t.Errorf("%v allocations in three calls", got)
	}
}

func FuzzAppendValid(f *testing.F) {
	for _, name := range []string{"", "a", "\xff", "a\xff\xfeb\uFFFD\xff", "\xed\xa0\x80", "图\xe5\x9b", strings.Repeat("\xff", 100)} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		if got, want := string(appendValid([]byte("x"), name)), "x"+Valid(name); got != want {
			t.Errorf("%q became %q, want %q", name, got, want)
		}
	})
}
