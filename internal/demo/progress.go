package main

import (
	"fmt"
	"sync/atomic"
	"time"
)

// How often the status line is written, on a terminal and elsewhere.
const (
	everyOnTerminal = 100 * time.Millisecond
	everyElsewhere  = time.Second
)

// progress keeps the console's status line up to date, from watch to stop.
type progress struct {
	screen *console
	total  int
	done   *atomic.Int64
	began  time.Time
	quit   chan struct{}
	ended  chan struct{}
}

// watch starts to show how many of total files are done.
func watch(screen *console, total int, done *atomic.Int64) *progress {
	p := &progress{screen, total, done, time.Now(), make(chan struct{}), make(chan struct{})}
	every := everyElsewhere
	if screen.inPlace {
		every = everyOnTerminal
	}
	go p.show(every)
	return p
}

func (p *progress) show(every time.Duration) {
	defer close(p.ended)
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			p.screen.setStatus(progressLine(int(p.done.Load()), p.total, time.Since(p.began)))
		case <-p.quit:
			p.screen.setStatus("")
			return
		}
	}
}

// stop takes the status line away.
func (p *progress) stop() {
	close(p.quit)
	<-p.ended
}

// progressLine says how far a run is. It estimates the time left from the rate
// so far.
func progressLine(done, total int, elapsed time.Duration) string {
	rate, left := 0.0, "unknown"
	if done > 0 && elapsed > 0 {
		rate = float64(done) / elapsed.Seconds()
		left = time.Duration(float64(elapsed) / float64(done) * float64(total-done)).Round(time.Second).String()
	}
	return fmt.Sprintf("%7.2fs  %d of %d files  %.0f files/s  time left %s", elapsed.Seconds(), done, total, rate, left)
}
