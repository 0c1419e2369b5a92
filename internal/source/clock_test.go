package source

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// now returns the source of a read that takes no time.
func (c *Clock) now() Source { return c.Read("a", func() {}) }

// Reads beside a reset overlap it, and reads after it do not.
func TestAReadBesideAResetOverlapsIt(t *testing.T) {
	var c Clock
	c.Start()
	before := c.now()
	var beside Source
	reset := c.Reset("a", func() { beside = c.now() })
	after := c.now()
	if !reset.overlaps(before) || !reset.overlaps(beside) || reset.overlaps(after) {
		t.Errorf("a reset %v, read before %v, beside %v, after %v", reset, before, beside, after)
	}
	if after.Since != reset.TakenAt {
		t.Errorf("the reset was %v, and the next interval is %v", reset, after)
	}
}

// A read beside a reset may have figures of before and of after the reset.
func TestAReadBesideAResetOverlapsTheNextIntervalToo(t *testing.T) {
	for name, beside := range map[string]func(c *Clock) (read, reset Source){
		"a reset within the read": func(c *Clock) (read, reset Source) {
			read = c.Read("a", func() { reset = c.Reset("a", func() {}) })
			return read, reset
		},
		"a read within the reset": func(c *Clock) (read, reset Source) {
			reset = c.Reset("a", func() { read = c.now() })
			return read, reset
		},
		"a read that begins within the reset": func(c *Clock) (read, reset Source) {
			inside, ended, done := make(chan bool), make(chan bool), make(chan bool)
			reset = c.Reset("a", func() {
				go func() {
					defer close(done)
					read = c.Read("a", func() { close(inside); <-ended })
				}()
				<-inside
			})
			close(ended)
			<-done
			return read, reset
		},
	} {
		var c Clock
		c.Start()
		c.Reset("a", func() {})
		earlier := c.now()
		read, reset := beside(&c)
		next := c.Reset("a", func() {})
		between, err := Between([]Source{earlier}, []Source{read})
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range append(between, read) {
			if !s.overlaps(reset) || !s.overlaps(next) {
				t.Errorf("%s: read %v, reset %v, next reset %v", name, s, reset, next)
			}
		}
	}
}

func TestResetsAndReadsOfManyGoroutinesAreInOrder(t *testing.T) {
	const goroutines, rounds = 4, 200
	var c Clock
	c.Start()
	var all sync.WaitGroup
	resets := make(chan Source, goroutines*rounds)
	for range goroutines {
		all.Go(func() {
			for range rounds {
				resets <- c.Reset("a", func() {})
				if s := c.now(); s.TakenAt.Before(s.Since) {
					t.Errorf("%v ends before it begins", s)
				}
			}
		})
	}
	all.Wait()
	close(resets)
	var u Union
	for s := range resets {
		commit, err := Add(&u, []Source{s})
		if err != nil {
			t.Fatal(err)
		}
		commit()
	}
	if len(u["a"]) != 1 {
		t.Errorf("the resets are of %v", u["a"])
	}
}

// A bubble's clock stands still, and is behind the one outside.
func TestIntervalsOfAClockThatStandsStill(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var c Clock
		c.Start()
		now := time.Now().UTC()
		if got, want := c.now(), (Source{"a", now, now.Add(1)}); got != want {
			t.Errorf("got %v, want %v", got, want)
		}
		got := c.Reset("a", func() {})
		if want := (Source{"a", now, now.Add(2)}); got != want {
			t.Errorf("got the reset %v, want %v", got, want)
		}
		if got, want := c.now(), (Source{"a", now.Add(2), now.Add(3)}); got != want {
			t.Errorf("after the reset got %v, want %v", got, want)
		}
	})
}
