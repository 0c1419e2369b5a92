package sql

import (
	"database/sql"
	"encoding/json"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	_ "github.com/duckdb/duckdb-go/v2"
	_ "github.com/jackc/pgx/v5/stdlib"

	"github.com/nodemetrics/nodemetrics/atomicmetrics"
	"github.com/nodemetrics/nodemetrics/digest"
	"github.com/nodemetrics/nodemetrics/internal/postgres"
)

// statements returns the SQL of the cookbook.
func statements(t *testing.T) (all []string) {
	t.Helper()
	book, err := os.ReadFile("../../../atomicmetrics/COOKBOOK.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, block := range strings.Split(string(book), "\n```sql\n")[1:] {
		code, _, _ := strings.Cut(block, "\n```\n")
		for statement := range strings.SplitSeq(code, ";") {
			if statement = strings.TrimSpace(statement); statement != "" {
				all = append(all, statement)
			}
		}
	}
	if len(all) != 6 {
		t.Fatalf("the cookbook has %d statements, want 6", len(all))
	}
	return all
}

// database is a database with the tables and views of the cookbook.
type database struct {
	*sql.DB
	counters, percentiles string // the queries of the cookbook
}

// open opens a database that ends with the test.
func open(t *testing.T, engine string) *sql.DB {
	t.Helper()
	driver, address := "duckdb", ""
	if engine == "PostgreSQL" {
		driver, address = "pgx", postgres.ForTest(t)
	}
	db, err := sql.Open(driver, address)
	if err != nil {
		t.Fatal(err)
	}
	db.SetMaxOpenConns(1) // a further one would have a DuckDB of its own
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// each runs a test on each engine.
func each(t *testing.T, test func(*testing.T, database)) {
	for _, engine := range []string{"PostgreSQL", "DuckDB"} {
		t.Run(engine, func(t *testing.T) {
			db := database{DB: open(t, engine)}
			for _, statement := range statements(t) {
				switch {
				case strings.HasPrefix(statement, "CREATE MACRO") && engine != "DuckDB":
				case strings.HasPrefix(statement, "CREATE"):
					db.exec(t, statement)
				case strings.Contains(statement, "json_each(document->'nodes')"):
					db.counters = statement
				default:
					db.percentiles = statement
				}
			}
			test(t, db)
		})
	}
}

func (db database) exec(t *testing.T, statement string, args ...any) {
	t.Helper()
	if _, err := db.Exec(statement, args...); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

// write writes a snapshot of an instance as a row.
func (db database) write(t *testing.T, instance string, s atomicmetrics.Snapshot) {
	t.Helper()
	document, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	db.exec(t, "INSERT INTO snapshots VALUES ($1, $2, $3)", instance, s.TakenAt, string(document))
}

// read returns the rows of a query, by their first column.
func (db database) read(t *testing.T, query string) map[string][3]float64 {
	t.Helper()
	rows, err := db.Query(query)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	defer rows.Close()
	nodes := map[string][3]float64{}
	for rows.Next() {
		var node string
		var values [3]float64
		if err := rows.Scan(&node, &values[0], &values[1], &values[2]); err != nil {
			t.Fatal(err)
		}
		nodes[node] = values
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return nodes
}

// durations returns milliseconds as durations.
func durations(ms [3]float64) (d [3]time.Duration) {
	for i := range ms {
		d[i] = time.Duration(math.Round(ms[i] * 1e6))
	}
	return d
}

func collector(t *testing.T, options ...atomicmetrics.Option) *atomicmetrics.Collector {
	t.Helper()
	c, err := atomicmetrics.New(append(options, atomicmetrics.WithSketches())...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestSQLReadsAFleetAsMergeDoes(t *testing.T) {
	each(t, func(t *testing.T, db database) {
		r := rand.New(rand.NewPCG(1, 16))
		long := func() time.Duration { return time.Duration(math.Exp(15 + 2*r.NormFloat64())) }
		var all []atomicmetrics.Snapshot
		for i, instance := range []string{"a", "b", "it's", "d"} {
			c := collector(t, atomicmetrics.WithWindowSize(1000))
			if i == 0 {
				c.RecordSuccess("one", 3*time.Nanosecond)
				c.RecordSuccess("longest", 24*time.Hour+time.Nanosecond)
			}
			c.RecordRetry("retried only", 1)
			for n := range 1300 {
				c.RecordSuccess("full", long())
				c.RecordFailureAs("ties", long().Round(10*time.Millisecond), atomicmetrics.CategoryTimeout)
				if n < 7*i+2 {
					c.RecordFailureAs("few", long(), atomicmetrics.CategoryOther)
					c.RecordRetry("few", 2)
				}
				if n < 25 {
					c.RecordSuccess("a \"hundred\" 'größe' \\ {$.} \n <&>", long())
				}
				if n == 600 {
					db.write(t, instance, c.Snapshot()) // the newest row of the instance is another one
				}
			}
			s := c.Snapshot()
			db.write(t, instance, s)
			all = append(all, s)
		}
		merged, err := atomicmetrics.Merge(all...)
		if err != nil {
			t.Fatal(err)
		}
		if merged.Percentiles != "exact" {
			t.Fatalf("percentiles are %q", merged.Percentiles)
		}
		counters, percentiles := db.read(t, db.counters), db.read(t, db.percentiles)
		if len(counters) != len(merged.Nodes) || len(percentiles) != len(merged.Nodes)-1 {
			t.Errorf("SQL has counters of %d nodes and percentiles of %d, want %d, and one less",
				len(counters), len(percentiles), len(merged.Nodes))
		}
		for node, m := range merged.All() {
			if got, want := counters[node], [3]float64{float64(m.TotalExecutions), float64(m.FailureCount), float64(m.RetryCount)}; got != want {
				t.Errorf("%q: SQL counts %v, Merge %v", node, got, want)
			}
			if got, want := durations(percentiles[node]), [3]time.Duration{m.P50, m.P90, m.P99}; got != want {
				t.Errorf("%q: SQL has percentiles %v, Merge %v", node, got, want)
			}
		}
	})
}

// limits are the errors of rank that Sketch.Quantiles allows, at each percentile.
var limits = [3]float64{0.01, 0.005, 0.002}

func TestSQLReadsCentroidsWithinTheErrorOfASketch(t *testing.T) {
	const instances, window = 3, 20_000
	each(t, func(t *testing.T, db database) {
		order := rand.New(rand.NewPCG(1, 17)).Perm(instances * window) // all samples differ
		for i, instance := range []string{"a", "b", "c"} {
			c := collector(t, atomicmetrics.WithWindowSize(window), atomicmetrics.WithPercentiles(digest.TDigest(100)))
			for _, n := range order[i*window : (i+1)*window] {
				c.RecordSuccess("node", time.Duration(n+1)*time.Millisecond)
			}
			s := c.Snapshot()
			if got := s.Nodes["node"].WindowSamples; got != window || len(s.Sketches["node"]) >= window {
				t.Fatalf("%d samples, want %d, in %d centroids", got, window, len(s.Sketches["node"]))
			}
			db.write(t, instance, s)
			if i > 0 {
				continue
			}
			want := s.Sketches["node"].Quantiles(0.5, 0.9, 0.99)
			if got := durations(db.read(t, db.percentiles)["node"]); !slices.Equal(got[:], want) {
				t.Errorf("of one sketch SQL has percentiles %v, want %v", got, want)
			}
		}
		for i, ms := range db.read(t, db.percentiles)["node"] {
			q := [3]float64{0.5, 0.9, 0.99}[i]
			if got := ms / (instances * window); math.Abs(got-q) > limits[i] {
				t.Errorf("SQL has for the quantile %v a sample of the rank %.4f", q, got)
			}
		}
	})
}

// The cookbook says by how much the aggregate of a database misses
// a p99.
func TestTDigestOfADatabaseInterpolates(t *testing.T) {
	db := database{DB: open(t, "DuckDB")}
	r := rand.New(rand.NewPCG(1, 18))
	samples := make([]time.Duration, 100)
	db.exec(t, "CREATE TABLE samples (ms double)")
	for i := range samples {
		samples[i] = time.Duration(math.Exp(15 + 2*r.NormFloat64()))
		db.exec(t, "INSERT INTO samples VALUES ($1)", float64(samples[i])/1e6)
	}
	slices.Sort(samples)
	var ms float64
	if err := db.QueryRow("SELECT approx_quantile(ms, 0.99) FROM samples").Scan(&ms); err != nil {
		t.Fatal(err)
	}
	p99 := float64(samples[98]) / 1e6
	t.Logf("approx_quantile is %v ms; the p99 is %v ms, and the longest sample %v", ms, p99, samples[99])
	if off := math.Abs(ms-p99) / p99; off < 0.25 {
		t.Errorf("it is off by %.1f %%, and the cookbook says by 28 %%", 100*off)
	}
}
