package main

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/nodemetrics/nodemetrics/atomicmetrics"
)

// COOKBOOK.md of package atomicmetrics has the statements below.
const (
	table = `CREATE TABLE snapshots (instance text, taken_at timestamptz, document json,
  PRIMARY KEY (instance, taken_at))`

	newest = `CREATE VIEW newest AS
  SELECT DISTINCT ON (instance) * FROM snapshots ORDER BY instance, taken_at DESC`

	counters = `SELECT node, sum((figures->>'totalExecutions')::bigint) AS executions,
  sum((figures->>'failureCount')::bigint) AS failures,
  sum((figures->>'retryCount')::bigint) AS retries
FROM newest, json_each(document->'nodes') AS nodes(node, figures)
GROUP BY node`

	pairs = `CREATE VIEW pairs AS
  SELECT node, (pair->>0)::float8 AS ms, (pair->>1)::bigint AS weight
  FROM newest, json_each(document->'sketches') AS sketches(node, sketch),
    json_array_elements(sketch) AS pairs(pair)`

	percentiles = `SELECT node, min(ms) FILTER (WHERE 100 * upto >= 50 * total) AS p50,
  min(ms) FILTER (WHERE 100 * upto >= 90 * total) AS p90,
  min(ms) FILTER (WHERE 100 * upto >= 99 * total) AS p99
FROM (SELECT node, ms, sum(weight) OVER (PARTITION BY node ORDER BY ms) AS upto,
    sum(weight) OVER (PARTITION BY node) AS total FROM pairs) AS ranked
GROUP BY node`
)

// counts are the counts of a node.
type counts struct{ runs, failures, retries uint64 }

func (c counts) plus(d counts) counts {
	return counts{c.runs + d.runs, c.failures + d.failures, c.retries + d.retries}
}

func countsOf(m atomicmetrics.NodeMetrics) counts {
	return counts{m.TotalExecutions, m.FailureCount, m.RetryCount}
}

// figures are the figures of a node that are compared.
type figures struct {
	counts
	percentiles [3]time.Duration
}

// percents are those of figures.percentiles.
var percents = [3]uint64{50, 90, 99}

// byMerger reads the fleet by a Merger. It also returns the newest snapshot of
// each instance.
func byMerger(ctx context.Context, db *pgxpool.Pool) (map[string]figures, map[string]atomicmetrics.Snapshot, error) {
	rows, err := db.Query(ctx, "SELECT instance, document FROM newest")
	if err != nil {
		return nil, nil, err
	}
	instances := map[string]atomicmetrics.Snapshot{}
	var merger atomicmetrics.Merger
	var instance string
	var document []byte
	if _, err := pgx.ForEachRow(rows, []any{&instance, &document}, func() error {
		s, err := atomicmetrics.ParseSnapshot(document)
		if err != nil {
			return err
		}
		instances[instance] = s
		return merger.Add(s)
	}); err != nil {
		return nil, nil, err
	}
	merged := merger.Snapshot()
	if merged.Percentiles != "exact" || len(merged.Sources) != processes+1 {
		return nil, nil, fmt.Errorf("the merged percentiles are %q, of %d sources", merged.Percentiles, len(merged.Sources))
	}
	nodes := map[string]figures{}
	for node, m := range merged.All() {
		nodes[node] = figures{countsOf(m), [3]time.Duration{m.P50, m.P90, m.P99}}
	}
	return nodes, instances, nil
}

// bySQL reads the fleet by SQL alone.
func bySQL(ctx context.Context, db *pgxpool.Pool) (map[string]figures, error) {
	nodes := map[string]figures{}
	var node string
	var f figures
	rows, err := db.Query(ctx, counters)
	if err != nil {
		return nil, err
	}
	if _, err := pgx.ForEachRow(rows, []any{&node, &f.runs, &f.failures, &f.retries}, func() error {
		nodes[node] = f
		return nil
	}); err != nil {
		return nil, err
	}
	rows, err = db.Query(ctx, percentiles)
	if err != nil {
		return nil, err
	}
	var p50, p90, p99 float64
	_, err = pgx.ForEachRow(rows, []any{&node, &p50, &p90, &p99}, func() error {
		f := nodes[node]
		f.percentiles = [3]time.Duration{duration(p50), duration(p90), duration(p99)}
		nodes[node] = f
		return nil
	})
	return nodes, err
}

// duration returns milliseconds as a duration.
func duration(ms float64) time.Duration { return time.Duration(math.Round(ms * 1e6)) }
