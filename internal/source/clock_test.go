package source

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// Reads beside a reset overlap it, and reads after it do not.
func TestAReadBesideAResetOverlapsIt(t *testing.T) {
	var c Clock
	c.Start()
	before := c.Now("a")
	var reset, beside Source
	c.Reset("a", func(s Source) { reset, beside = s, c.Now("a") })
	after := c.Now("a")
	if !reset.overlaps(before) || !reset.overlaps(beside) || reset.overlaps(after) {
		t.Errorf("a reset %v, read before %v, beside %v, after %v", reset, before, beside, after)
	}
	if after.Since != reset.TakenAt {
		t.Errorf("the reset was %v, and the next interval is %v", reset, after)
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
				c.Reset("a", func(s Source) { resets <- s })
				if s := c.Now("a"); s.TakenAt.Before(s.Since) {
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
		if got, want := c.Now("a"), (Source{"a", now, now}); got != want {
			t.Errorf("got %v, want %v", got, want)
		}
		c.Reset("a", func(got Source) {
			if want := (Source{"a", now, now}); got != want {
				t.Errorf("got the reset %v, want %v", got, want)
			}
		})
		if got, want := c.Now("a"), (Source{"a", now.Add(1), now.Add(1)}); got != want {
			t.Errorf("after the reset got %v, want %v", got, want)
		}
	})
}
