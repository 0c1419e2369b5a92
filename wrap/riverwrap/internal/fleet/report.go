package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/nodemetrics/nodemetrics/atomicmetrics"
)

// truth is what River's table of jobs has of a kind.
type truth struct {
	executions, failures, retries uint64
	held                          uint64 // runs of the killed process of which the table has no end
	witnesses                     []witness
}

// byJobs reads River's table of jobs.
func byJobs(ctx context.Context, db *pgxpool.Pool) (map[string]truth, error) {
	rows, err := db.Query(ctx, `SELECT kind, attempt, coalesce(cardinality(errors), 0), finalized_at IS NULL, metadata FROM river_job`)
	if err != nil {
		return nil, err
	}
	all := map[string]truth{}
	var kind string
	var attempt, failures uint64
	var held bool
	var document []byte
	_, err = pgx.ForEachRow(rows, []any{&kind, &attempt, &failures, &held, &document}, func() error {
		var m metadata
		if err := json.Unmarshal(document, &m); err != nil {
			return err
		}
		t := all[kind]
		t.executions += attempt
		t.failures += failures
		t.retries += attempt - 1
		t.witnesses = append(t.witnesses, m.Output...)
		if held {
			t.held++
		}
		all[kind] = t
		return nil
	})
	return all, err
}

// of returns the witnesses of an instance that ended before a time.
func (t truth) of(instance string, before time.Time) (n, failures uint64) {
	for _, w := range t.witnesses {
		if w.Instance == instance && w.Ended.Before(before) {
			n++
			if w.Failed {
				failures++
			}
		}
	}
	return n, failures
}

// bounds returns durations between which the quantile of n executions must be
// that the fleet has of a kind. Of the killed process it is unknown whether the
// last ones are among them.
func (t truth) bounds(percent, n uint64, last time.Time) (least, most time.Duration) {
	inside := make([]time.Duration, t.held) // as if they had taken no time
	var outside []time.Duration
	for _, w := range t.witnesses {
		inside = append(inside, w.Inside)
		if w.Instance != victim || w.Ended.Before(last) {
			outside = append(outside, w.Outside)
		}
	}
	slices.Sort(inside)
	slices.Sort(outside)
	rank := (n*percent + 99) / 100 // nearest rank
	if rank > uint64(len(outside)) {
		return inside[rank-1], math.MaxInt64
	}
	return inside[rank-1], outside[rank-1]
}

// report prints the fleet as it is read in each way. It returns an error for the
// first difference.
func report(ctx context.Context, out io.Writer, db *pgxpool.Pool, killed time.Time) error {
	merged, instances, err := byMerge(ctx, db)
	if err != nil {
		return err
	}
	queried, err := bySQL(ctx, db)
	if err != nil {
		return err
	}
	jobs, err := byJobs(ctx, db)
	if err != nil {
		return err
	}
	last := instances[victim].TakenAt
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "node\tread by\truns\tfailed\tretries\tp50\tp90\tp99\t")
	var lost, held uint64
	for _, kind := range slices.Sorted(maps.Keys(kinds)) {
		m, q, t := merged[kind], queried[kind], jobs[kind]
		fmt.Fprintf(w, "%s\tMerge\t%d\t%d\t%d\t%v\t%v\t%v\t\n", kind, m.executions, m.failures, m.retries, m.p50, m.p90, m.p99)
		fmt.Fprintf(w, "\tSQL\t%d\t%d\t%d\t%v\t%v\t%v\t\n", q.executions, q.failures, q.retries, q.p50, q.p90, q.p99)
		fmt.Fprintf(w, "\tjobs\t%d\t%d\t%d\t", t.executions, t.failures, t.retries)
		for _, percent := range []uint64{50, 90, 99} {
			least, most := t.bounds(percent, m.executions, last)
			fmt.Fprintf(w, "≥ %v\t", least)
			got := map[uint64]time.Duration{50: m.p50, 90: m.p90, 99: m.p99}[percent]
			if err == nil && (got < least || got > most) {
				err = fmt.Errorf("%s: p%d is %v, and by the jobs it is from %v to %v", kind, percent, got, least, most)
			}
		}
		fmt.Fprintln(w)
		if err == nil && m != q {
			err = fmt.Errorf("%s: Merge has %+v, and SQL %+v", kind, m, q)
		}
		if err == nil {
			err = t.check(kind, m, instances)
		}
		lost += t.executions - m.executions
		held += t.held
	}
	w.Flush()
	fmt.Fprintf(out, "%s was killed %v after its last snapshot. It took %d runs with it, %d of which had not ended for River.\n",
		victim, killed.Sub(last).Round(time.Millisecond), lost, held)
	if err == nil {
		fmt.Fprintln(out, "Merge, SQL and the jobs agree.")
	}
	return err
}

// check compares the counts of a kind with the jobs, instance by instance.
func (t truth) check(kind string, m figures, instances map[string]atomicmetrics.Snapshot) error {
	for instance, s := range instances {
		got := s.Nodes[kind]
		n, failures := t.of(instance, time.Unix(1<<40, 0))
		switch {
		case got.WindowSamples != int(got.TotalExecutions):
			return fmt.Errorf("%s: %s has recorded more than a window", kind, instance)
		case instance == victim:
			counted, failed := t.of(instance, s.TakenAt)
			if got.TotalExecutions < counted || got.TotalExecutions > n+t.held ||
				got.FailureCount < failed || got.FailureCount > failures+t.held {
				return fmt.Errorf("%s: %s has %d runs, %d failed, and of the jobs %d, %d failed, had ended before its last snapshot",
					kind, instance, got.TotalExecutions, got.FailureCount, counted, failed)
			}
			t.executions -= n + t.held - got.TotalExecutions // they died with the process
			t.failures += got.FailureCount - failures
		case got.TotalExecutions != n || got.FailureCount != failures:
			return fmt.Errorf("%s: %s has %d runs, %d failed; %d and %d by the jobs",
				kind, instance, got.TotalExecutions, got.FailureCount, n, failures)
		}
	}
	if m.executions != t.executions || m.failures != t.failures || m.retries > t.retries {
		return fmt.Errorf("%s: the fleet has %d runs, %d failed, %d retries; %d, %d and %d by the jobs", kind,
			m.executions, m.failures, m.retries, t.executions, t.failures, t.retries)
	}
	return nil
}
