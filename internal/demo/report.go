package main

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/nodemetrics/nodemetrics/atomicmetrics"
)

// heading describes a run before its start.
func heading(s settings, c corpus, o outage) string {
	return fmt.Sprintf("%d of %d .go files below %s, drawn by seed %d; %d workers, window %d\n"+
		"publish: %d attempts of %v each; outage of the server: %d requests from request %d on\n"+
		"read: the disk hangs once, for %v\n"+
		"unhealthy: failure rate above %.3g%%, p99 of publish above %v; healthy again: at or below %.3g%% of that\n"+
		"           a read that has been running for longer than %v; healthy again: when it has ended\n",
		len(c.files), c.found, c.root, s.seed, s.workers, s.window,
		s.plan.attempts, s.plan.timeout, o.requests, o.from,
		s.plan.hang, 100*s.plan.failureRate, s.plan.latency, 100*s.plan.recovery, s.plan.running)
}

// eventLine describes an event at this time after the start.
func eventLine(e atomicmetrics.Event, since time.Duration) string {
	what := "recovered"
	if e.Breached {
		what = "breached"
	}
	figure := fmt.Sprintf("%.1f%% of %d failed", 100*e.FailureRate, e.Samples)
	switch {
	case e.Kind == atomicmetrics.LatencyEvent:
		figure = fmt.Sprintf("p99 of %d is %s", e.Samples, e.P99.Round(time.Microsecond))
	case e.Kind == atomicmetrics.RunningEvent && e.Breached:
		figure = fmt.Sprintf("the oldest has been running for %s", e.Running.Round(time.Microsecond))
	case e.Kind == atomicmetrics.RunningEvent:
		figure = "it has ended"
	}
	return fmt.Sprintf("%7.2fs  %-8s  %-11s  %-9s  %s", since.Seconds(), e.Node, e.Kind, what, figure)
}

// outcome is the result of a run.
type outcome struct {
	line     *pipeline
	files    int // there were to run
	snapshot atomicmetrics.Snapshot
	taken    int // documents the server has
	price    price
	meter    *meter
}

// report writes the outcome, and the snapshot to target. It returns an error if
// figures do not add up, if a write failed, or if the run was interrupted.
func (o outcome) report(screen *console, target string, stdout io.Writer) error {
	screen.println("")
	_ = o.snapshot.WriteTableWidth(screen, 120) // the screen keeps its first error
	screen.println("\n" + o.price.lines(o.snapshot, o.meter))
	balance, err := o.line.account(o.snapshot, o.taken)
	if err == nil {
		screen.println(balance)
	}
	done := int(o.line.files.Load())
	if done < o.files {
		screen.println(fmt.Sprintf("interrupted: %d of %d files were run", done, o.files))
	}
	if err := errors.Join(err, writeSnapshot(target, o.snapshot, stdout), screen.failure()); err != nil {
		return err
	}
	if done < o.files {
		return errInterrupted
	}
	return nil
}
