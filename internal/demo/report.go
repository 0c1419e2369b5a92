package main

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/nodemetrics/nodemetrics/atomicmetrics"
)

// heading says what a run is going to do.
func heading(s settings, c corpus, o outage) string {
	return fmt.Sprintf("%d of %d .go files below %s, drawn by seed %d; %d workers, window %d\n"+
		"publish: %d attempts of %v each; outage of the server: %d requests from request %d on\n"+
		"unhealthy: failure rate above %.3g%%, p99 of publish above %v; healthy again: at or below %.3g%% of that\n",
		len(c.files), c.found, c.root, s.seed, s.workers, s.window,
		s.plan.attempts, s.plan.timeout, o.requests, o.from,
		100*s.plan.failureRate, s.plan.latency, 100*s.plan.recovery)
}

// eventLine says what happened so long after the run began.
func eventLine(e atomicmetrics.Event, since time.Duration) string {
	what := "recovered"
	if e.Breached {
		what = "breached"
	}
	figure := fmt.Sprintf("%.1f%% of %d failed", 100*e.FailureRate, e.Samples)
	if e.Kind == atomicmetrics.LatencyEvent {
		figure = fmt.Sprintf("p99 of %d is %s", e.Samples, human(e.P99))
	}
	return fmt.Sprintf("%8s  %-8s  %-11s  %-9s  %s", seconds(since), e.Node, e.Kind, what, figure)
}

// seconds is for a column of times that things happened at.
func seconds(d time.Duration) string { return fmt.Sprintf("%.2fs", d.Seconds()) }

// human rounds a duration to three digits.
func human(d time.Duration) string {
	step := time.Duration(1)
	for d/step >= 1000 {
		step *= 10
	}
	return d.Round(step).String()
}

// outcome is what a run has come to.
type outcome struct {
	line     *pipeline
	files    int // there were to run
	snapshot atomicmetrics.Snapshot
	taken    int // documents the server has
	price    price
	meter    *meter
}

// report writes it all, and the snapshot to target. The error says what does not add up or could not be written, or
// else that the run was interrupted.
func (o outcome) report(screen *console, target string, stdout io.Writer) error {
	screen.println(table(o.snapshot))
	screen.println(o.price.lines(o.snapshot, o.meter))
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

// The table's columns; all but the first are figures.
const tableRow = "%-8s %10s %9s  %7s %10s %7s %5s  %7s  %6s %6s %6s %6s  %6s\n"

// table shows the nodes of the pipeline as they are in the snapshot.
func table(s atomicmetrics.Snapshot) string {
	var b strings.Builder
	fmt.Fprintf(&b, "\n%30s %s\n", "", "----------- failures -----------")
	fmt.Fprintf(&b, tableRow, "node", "executions", "successes", "timeout", "validation", "network", "other",
		"retries", "avg", "p50", "p90", "p99", "window")
	for _, name := range nodes {
		m := s.Nodes[name]
		avg, p50, p90, p99 := "-", "-", "-", "-"
		if m.WindowSamples > 0 {
			avg, p50, p90, p99 = human(m.AvgExecution), human(m.P50), human(m.P90), human(m.P99)
		}
		fmt.Fprintf(&b, tableRow, name, count(m.TotalExecutions), count(m.SuccessCount),
			count(m.TimeoutErrors), count(m.ValidationErrors), count(m.NetworkErrors), count(m.OtherErrors),
			count(m.RetryCount), avg, p50, p90, p99, strconv.Itoa(m.WindowSamples))
	}
	return b.String()
}

func count(n uint64) string { return strconv.FormatUint(n, 10) }
