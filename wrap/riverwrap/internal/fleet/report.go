package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/nodemetrics/nodemetrics/atomicmetrics"
)

// truth has the figures of a kind in River's table of jobs.
type truth struct {
	counts
	held      counts // runs of the killed process of which the table has no end
	witnesses []witness
}

// byJobs reads River's table of jobs.
func byJobs(ctx context.Context, db *pgxpool.Pool) (map[string]truth, error) {
	rows, err := db.Query(ctx, `SELECT kind, attempt, coalesce(cardinality(errors), 0), finalized_at IS NULL, metadata FROM river_job`)
	if err != nil {
		return nil, err
	}
	all := map[string]truth{}
	var kind string
	var attempts, failures uint64
	var held bool
	var document []byte
	_, err = pgx.ForEachRow(rows, []any{&kind, &attempts, &failures, &held, &document}, func() error {
		var m metadata
		if err := json.Unmarshal(document, &m); err != nil {
			return err
		}
		t := all[kind]
		t.counts = t.plus(counts{attempts, failures, attempts - 1})
		if held {
			t.held = t.held.plus(counts{runs: 1, retries: min(attempts-1, 1)})
		}
		t.witnesses = append(t.witnesses, m.Output...)
		all[kind] = t
		return nil
	})
	return all, err
}

// of returns the counts of the witnesses that accept accepts.
func (t truth) of(accept func(witness) bool) (c counts) {
	for _, w := range t.witnesses {
		if accept(w) {
			c.runs++
			if w.Failed {
				c.failures++
			}
			if w.Retry {
				c.retries++
			}
		}
	}
	return c
}

// check compares the figures of a kind with the jobs. The snapshots are the
// newest of each instance.
func (t truth) check(m figures, snapshots map[string]atomicmetrics.NodeMetrics, last time.Time) error {
	if sum := t.of(func(witness) bool { return true }).plus(t.held); sum != t.counts {
		return fmt.Errorf("the jobs have %+v, and their witnesses %+v", t.counts, sum)
	}
	var sum counts
	for instance, s := range snapshots {
		got := countsOf(s)
		sum = sum.plus(got)
		least := t.of(func(w witness) bool { return w.Instance == instance && (instance != victim || w.Ended.Before(last)) })
		most := t.of(func(w witness) bool { return w.Instance == instance })
		if instance == victim { // a run may be in the snapshot, and its end not in the table
			most = most.plus(counts{t.held.runs, t.held.runs, t.held.retries})
		}
		if got.runs < least.runs || got.runs > most.runs || got.failures < least.failures || got.failures > most.failures ||
			got.retries < least.retries || got.retries > most.retries {
			return fmt.Errorf("%s has %+v, and by the jobs from %+v to %+v", instance, got, least, most)
		}
		if s.WindowSamples != int(s.TotalExecutions) {
			return fmt.Errorf("%s has recorded more than a window", instance)
		}
	}
	if m.counts != sum {
		return fmt.Errorf("the fleet has %+v, and its instances %+v", m.counts, sum)
	}
	for i, percent := range percents {
		least, most := t.bounds(percent, m.runs, last)
		if got := m.percentiles[i]; got < least || got > most {
			return fmt.Errorf("p%d is %v, and by the jobs from %v to %v", percent, got, least, most)
		}
	}
	return nil
}

// bounds returns durations between which the percentile of n runs must be. A
// recorded duration is between those of its witness. The last runs of the
// killed process may be among the n or not.
func (t truth) bounds(percent, n uint64, last time.Time) (least, most time.Duration) {
	inside := make([]time.Duration, t.held.runs) // as if they had taken no time
	var outside []time.Duration
	for _, w := range t.witnesses {
		inside = append(inside, w.Inside)
		if w.Instance != victim || w.Ended.Before(last) {
			outside = append(outside, w.Outside)
		}
	}
	slices.Sort(inside)
	slices.Sort(outside)
	rank := min(max(1, int(n*percent+99)/100), len(inside)) // nearest rank
	if rank > len(outside) {
		return inside[rank-1], atomicmetrics.MaxDuration
	}
	return inside[rank-1], outside[rank-1]
}

// report prints the fleet as each reader sees it. It returns an error if they
// differ.
func report(ctx context.Context, out io.Writer, db *pgxpool.Pool, killed time.Time) error {
	merged, instances, err := byMerger(ctx, db)
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
	var lost, held uint64
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	defer w.Flush()
	fmt.Fprintln(w, "node\tread by\truns\tfailed\tretries\tp50\tp90\tp99\t")
	row := func(kind, reader string, c counts, cells [3]string) {
		fmt.Fprintf(w, "%s\t%s\t%d\t%d\t%d\t%s\t%s\t%s\t\n", kind, reader, c.runs, c.failures, c.retries, cells[0], cells[1], cells[2])
	}
	for _, kind := range slices.Sorted(maps.Keys(kinds)) {
		m, q, t := merged[kind], queried[kind], jobs[kind]
		var cells [3][3]string
		for i, percent := range percents {
			least, most := t.bounds(percent, m.runs, last)
			cells[0][i], cells[1][i] = m.percentiles[i].String(), q.percentiles[i].String()
			cells[2][i] = fmt.Sprintf("%.1f–%.1fms", least.Seconds()*1000, most.Seconds()*1000)
			if most == atomicmetrics.MaxDuration {
				cells[2][i] = fmt.Sprintf("≥ %.1fms", least.Seconds()*1000)
			}
		}
		row(kind, "Merger", m.counts, cells[0])
		row("", "SQL", q.counts, cells[1])
		row("", "River", t.counts, cells[2])
		snapshots := map[string]atomicmetrics.NodeMetrics{}
		for instance, s := range instances {
			snapshots[instance] = s.Nodes[kind]
		}
		if m != q {
			return fmt.Errorf("%s: the Merger has %+v, and SQL %+v", kind, m, q)
		}
		if err := t.check(m, snapshots, last); err != nil {
			return fmt.Errorf("%s: %w", kind, err)
		}
		lost += t.runs - m.runs
		held += t.held.runs
	}
	w.Flush()
	fmt.Fprintf(out, "The Merger and SQL agree to the nanosecond, and with River's table of jobs.\n"+
		"%s was killed %v after its last snapshot, and took %d runs with it. Every run that ended\n"+
		"before that snapshot is counted. River does not know the end of %d runs.\n",
		victim, killed.Sub(last).Round(time.Millisecond), lost, held)
	return nil
}
