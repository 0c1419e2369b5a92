package atomicmetrics_test

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/nodemetrics/nodemetrics/atomicmetrics"
)

// Names are separated by line feeds. Each is recorded once, in turn and then the other way round, and all is as in a map
// by valid name that takes no more names than there are places.
func FuzzNames(f *testing.F) {
	f.Add("a\nb\na", 2)
	f.Add("a\nb\nc\na\nd", 2)
	f.Add("\n\xff\n\xff\xff\n\uFFFD\n\uFFFD\uFFFD\na\xffb\na\xc3\x28\xff\n\xed\xa0\x80", 3)
	f.Add(atomicmetrics.OverflowNode+"\na\nb\n(overflow)\xff", 1)
	f.Add("\x00\n\u2028\n\"\\\n日本\n\xe6\x97\n😀\n\xf0\x9f\x98", 100)
	f.Add(strings.Repeat("long", 1000), 1)
	f.Fuzz(func(t *testing.T, text string, maxNodes int) {
		maxNodes = 1 + int(uint(maxNodes)%50)
		c := newCollector(t, atomicmetrics.WithMaxNodes(maxNodes))
		names := strings.Split(text, "\n")
		names = names[:min(len(names), 200)]

		known, want := map[string]bool{}, map[string]time.Duration{}
		record := func(name string) {
			valid, node := made(name), atomicmetrics.OverflowNode
			if known[valid] || valid != node && len(known) < maxNodes {
				known[valid], node = true, valid
			}
			want[node]++
			h := c.Node(name)
			if h.Name() != node {
				t.Fatalf("the handle of %q is of %q, want %q", name, h.Name(), node)
			}
			if want[node]%2 == 0 {
				h.RecordSuccess(1)
			} else {
				c.RecordSuccess(name, 1)
			}
		}
		for _, name := range names {
			record(name)
		}
		slices.Reverse(names)
		for _, name := range names {
			record(name)
		}

		for _, name := range append(names, atomicmetrics.OverflowNode) {
			valid, executed := made(name), uint64(0)
			if known[valid] || valid == atomicmetrics.OverflowNode {
				executed = uint64(want[valid])
			}
			equal(t, "executions of "+valid, c.NodeMetrics(name).TotalExecutions, executed)
		}
		s := c.Snapshot()
		got := map[string]time.Duration{}
		for name, m := range s.Nodes {
			got[name] = m.TotalDuration
		}
		if !maps.Equal(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
		var order []string
		for name := range c.All() {
			order = append(order, name)
		}
		if !slices.Equal(order, slices.Sorted(maps.Keys(want))) {
			t.Errorf("nodes in the order %q", order)
		}
		writtenAndRead(t, s)
		for _, name := range names {
			c.ResetNode(name)
		}
		c.ResetNode(atomicmetrics.OverflowNode)
		equal(t, "nodes after resets", len(c.AllNodeMetrics()), 0)
	})
}

// made returns the name with U+FFFD in the place of each run of bytes that are not UTF-8, byte by byte.
func made(name string) string {
	var valid []byte
	bad := false
	for len(name) > 0 {
		r, size := utf8.DecodeRuneInString(name)
		wrong := r == utf8.RuneError && size == 1
		if !wrong || !bad {
			valid = utf8.AppendRune(valid, r)
		}
		bad, name = wrong, name[size:]
	}
	return string(valid)
}
