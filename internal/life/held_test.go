//go:build nodemetrics_step

package life

import (
	"testing"

	"github.com/nodemetrics/nodemetrics/internal/ring"
	"github.com/nodemetrics/nodemetrics/internal/step"
)

// A reset is held up before it takes the state away. A node is not idle then,
// because a look may see the state of before the reset together with the count
// of after it.
func TestANodeIsNotIdleBesideAResetHeldUp(t *testing.T) {
	defer step.Hook(nil)
	n := node(nil)
	n.Record(rules[0], ring.Success, 1, 0)
	before, ok := n.details.idle.Activity(n.records)
	if !ok || n.Idle(0) {
		t.Fatal("the activity is unknown, and no reset is under way")
	}
	held, release := step.Hold(step.Aimed)
	done := make(chan struct{})
	go func() {
		defer close(done)
		n.Cleared(n.Clear(false))
	}()
	<-held
	for range 2 { // the node would be idle at the second look
		if n.Idle(0) {
			t.Error("the node is idle beside a reset")
		}
	}
	if a, ok := n.details.idle.Activity(n.records); ok {
		t.Errorf("the activity is %v while a reset is under way", a)
	}
	release()
	<-done
	n.Record(rules[0], ring.Success, 1, 0)
	if after, ok := n.details.idle.Activity(n.records); !ok || after == before {
		t.Errorf("after a reset and a record the activity is %v, %v, as before", after, ok)
	}
}

// A record and a count are held up behind their load of the state, and a reset
// takes the state. Both go to the next state, or are refused if there is none.
func TestRecordsHeldUpBehindTheirLoad(t *testing.T) {
	defer step.Hook(nil)
	for _, forget := range []bool{false, true} {
		for what, record := range map[string]func(n *Node) bool{
			"execution": func(n *Node) bool { return n.Record(rules[1], ring.Success, 1, 0) },
			"count":     func(n *Node) bool { return n.Count(rules[1], 0) },
		} {
			n := node(nil)
			record(n)
			held, release := step.Hold(step.Loaded)
			took := make(chan bool)
			go func() { took <- record(n) }()
			<-held
			s := n.Clear(forget)
			n.Cleared(s)
			release()
			if ok := <-took; ok == forget || s.Records() != 1 || ok != (n.records() == 1) {
				t.Errorf("%s, forget %v: taken %v, %d in the old state, %d in the new", what, forget, ok, s.Records(), n.records())
			}
		}
	}
}
