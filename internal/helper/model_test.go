package helper

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
)

// model is what a Queue is, without concurrency.
type model struct {
	limit   int
	put     int // items are 1, 2, 3 …
	entered []int
	busy    bool // the last one entered is in delivery
	waiting []int
	dropped uint64
	failed  int
}

func (m *model) settle() {
	if !m.busy && len(m.waiting) > 0 {
		m.busy = true
		m.entered, m.waiting = append(m.entered, m.waiting[0]), m.waiting[1:]
	}
	if len(m.waiting) > m.limit {
		m.dropped++
		m.waiting = m.waiting[1:]
	}
}

// pending reports whether an item up to target waits or is in delivery.
func (m *model) pending(target int) bool {
	return m.busy && m.entered[len(m.entered)-1] <= target || len(m.waiting) > 0 && m.waiting[0] <= target
}

// steps are what can happen to a queue when nothing else does.
var steps = []struct {
	name string
	how  func() // how the delivery ends; nil for the others
}{
	{"put", nil}, {"flush", nil}, {"return", normally}, {"panic", byPanic}, {"exit", byGoexit},
}

// TestEveryShortScriptGoesAsTheModelSays runs every script of so many steps, and compares after each step who is in
// delivery, who waits, what was dropped and reported, whether a helper is running, and which Flush has returned. The
// bubble sees to it that no goroutine is left.
func TestEveryShortScriptGoesAsTheModelSays(t *testing.T) {
	length, scripts := 6, 0
	if raceEnabled || testing.Short() {
		length = 5 // the schedules of one goroutine at a time have few races
	}
	for limit := 1; limit <= 2; limit++ {
		script := make([]int, length)
		for more := true; more; more = increment(script, len(steps)) {
			scripts++
			synctest.Test(t, func(t *testing.T) { follow(t, script, limit) })
			if t.Failed() {
				return
			}
		}
	}
	t.Logf("%d scripts", scripts)
}

// increment counts up in the given base; it reports whether there was no overflow.
func increment(digits []int, base int) bool {
	for i := range digits {
		if digits[i]++; digits[i] < base {
			return true
		}
		digits[i] = 0
	}
	return false
}

func follow(t *testing.T, script []int, limit int) {
	type target struct {
		*flush
		seq int
	}
	m, s := model{limit: limit}, newStage(limit)
	var flushes []target
	trace := fmt.Sprintf("limit %d:", limit)
	step := func(k int) {
		trace += " " + steps[k].name
		switch steps[k].name {
		case "put":
			m.put++
			m.waiting = append(m.waiting, m.put)
			s.queue.Put(m.put)
			synctest.Wait()
		case "flush":
			flushes = append(flushes, target{goFlush(t.Context(), s.queue), m.put})
		default:
			if !m.busy {
				return
			}
			m.busy = false
			if steps[k].name != "return" {
				m.failed++
			}
			s.finish(steps[k].how)
		}
		m.settle()
		if !slices.Equal(s.entered, m.entered) || !slices.Equal(waiting(s.queue), m.waiting) ||
			s.queue.Dropped() != m.dropped || len(s.reports) != m.failed || s.queue.busy() != m.busy {
			t.Errorf("%s: entered %v, waiting %v, dropped %d, failed %d, running %v; the model says %+v", trace,
				s.entered, waiting(s.queue), s.queue.Dropped(), len(s.reports), s.queue.busy(), m)
		}
		for _, f := range flushes {
			if f.returned == m.pending(f.seq) || f.err != nil {
				t.Errorf("%s: Flush of %d: returned %v, error %v; the model says %+v", trace, f.seq, f.returned, f.err, m)
			}
		}
	}
	for _, k := range script {
		step(k)
	}
	for k := 2; m.busy; k = 2 + (k-1)%3 { // drain, by all three ways to end
		step(k)
	}
}
