package flight

import (
	"time"

	"github.com/nodemetrics/nodemetrics/internal/clock"
	"github.com/nodemetrics/nodemetrics/internal/step"
)

// The kinds of a plan, in its low bits. A timer's plan has above them when the
// timer fires, in microseconds of the monotonic clock.
const (
	off   = 0
	held  = 2
	idle  = 1
	timer = 3

	planned   = 1 // set in idle and timer: a Begin may have to change the plan
	kindShift = 2
)

var settling = new(slot) // in witness; of no block

const (
	longestLimit = 1 << 46 // microseconds, 2 years: a slot tells ages up to twice that
	pausePart    = 20      // a pause is this part of the limit,
	shortPause   = 1000    // but at least so many microseconds, and at most a limit
	shortLate    = 1000    // so many microseconds after its time, a timer fits in any case
)

// SetLimit changes the limit; 0 means none. A breach that there is lasts until
// the execution ends that is its witness. Then the new limit counts.
func (s *Set) SetLimit(limit time.Duration) {
	rounded := limit / time.Microsecond
	if limit%time.Microsecond != 0 {
		rounded++
	}
	to := min(int64(rounded), longestLimit)
	if s.limit.Swap(to) == to {
		return
	}
	s.looks.Add(1)
	defer s.looks.Add(-1) // without looked, because the caller may hold a lock
	for {
		plan := s.plan.Load()
		if plan == held { // the holder loads the limit again
			return
		}
		step.At(step.Aimed)
		if s.plan.CompareAndSwap(plan, held) {
			s.look(false)
			return
		}
	}
}

// Limit returns the limit, rounded up to a microsecond; 0 if there is none.
func (s *Set) Limit() time.Duration { return time.Duration(s.limit.Load()) * time.Microsecond }

// Overdue reports whether the Set is in breach. A nil Set is not.
func (s *Set) Overdue() bool { return s != nil && s.witness.Load() != nil }

// Looking reports whether a goroutine looks, or is about to. If Looking reports
// false, the breaches and recoveries of everything that happened before the call
// have been raised. See "Looks under way" in the package's comment. A nil Set has
// no looks.
func (s *Set) Looking() bool { return s != nil && s.looks.Load() > 0 }

// pause returns the least time between two looks, in microseconds. It bounds
// the cost of looks, and the delay of a breach.
func pause(limit int64) int64 { return max(limit/pausePart, min(limit, shortPause)) }

// fits reports whether plan is a timer that fires in time for an execution that
// began at now, in microseconds. So it fires at most a limit later. A timer
// that is late by a 32nd of the limit fits, and so does one that is late by a
// millisecond. If nothing else was running, no timer of a bubble fits, because
// its bubble may have ended. The times of bubbles are below 0.
func (s *Set) fits(plan, now int64, alone bool) bool {
	if plan == idle || alone && plan < 0 {
		return false
	}
	limit := s.limit.Load()
	late := max(limit>>5, shortLate)
	return uint64(plan>>kindShift-now+late) <= uint64(limit+1+late)
}

// arm replaces a plan that does not fit an execution that began at now, in
// microseconds. If the plan has changed meanwhile, the other plan fits.
func (s *Set) arm(plan, now int64, alone bool) {
	next, delay := timerAt(now), int64(0) // others may be overdue
	if plan == idle || alone {
		at := now + s.limit.Load() + 1 // now may be long ago
		next, delay = timerAt(at), max(0, at-clock.Now()/int64(time.Microsecond))
	}
	step.At(step.Aimed)
	if s.plan.CompareAndSwap(plan, next) {
		s.start(next, delay)
	}
}

// timerAt returns the plan of a timer that fires at this time.
func timerAt(time int64) int64 { return time<<kindShift | timer }

// start starts the timer of a plan. It fires after so many microseconds.
func (s *Set) start(plan, delay int64) {
	afterFunc(time.Duration(delay)*time.Microsecond, func() { s.fired(plan) })
}

// afterFunc is time.AfterFunc, unless a test fires the timers.
var afterFunc = func(d time.Duration, f func()) { time.AfterFunc(d, f) }

// fired looks, unless the plan has changed.
func (s *Set) fired(plan int64) {
	s.looks.Add(1)
	if s.plan.CompareAndSwap(plan, held) {
		s.look(false)
	}
	s.endLook()
}

// endLook ends what looks.Add(1) began.
func (s *Set) endLook() {
	s.looks.Add(-1)
	if s.looked != nil {
		s.looked()
	}
}

// look is the look of the holder, and tells whether the Set is in breach. See
// the package's comment.
func (s *Set) look(breached bool) {
	for {
		limit, now := s.limit.Load(), clock.Now()
		age, witness := s.scan(now, limit)
		step.At(step.Looking)
		if limit != 0 && witness.slot != nil {
			if !breached {
				breached = true
				s.witness.Store(settling)
				s.tell(time.Duration(age) * time.Microsecond)
			}
			s.witness.Store(witness.slot)
			step.At(step.Judged)
			if witness.slot.Load() == witness.word || !s.witness.CompareAndSwap(witness.slot, settling) {
				return
			}
			continue
		}
		if breached {
			breached = false
			s.witness.Store(nil)
			s.tell(0)
		}
		next, delay := int64(off), int64(0)
		switch {
		case limit == 0:
		case s.Running() == 0:
			next = idle
		default:
			delay = max(limit+1-age, pause(limit))
			next = timerAt(now/int64(time.Microsecond) + delay)
		}
		step.At(step.Aimed)
		s.plan.Store(next)
		if delay > 0 {
			s.start(next, delay)
		}
		step.At(step.Waiting)
		if s.limit.Load() == limit && (next != idle || s.Running() == 0) || !s.plan.CompareAndSwap(next, held) {
			return
		}
	}
}

func (s *Set) tell(oldest time.Duration) {
	if s.raise != nil {
		s.raise(oldest)
	}
}
