package atomicmetrics_test

import (
	"bytes"
	"errors"
	"io"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nodemetrics/nodemetrics/atomicmetrics"
	"github.com/nodemetrics/nodemetrics/internal/table"
)

func writeTable(t *testing.T, s atomicmetrics.Snapshot) string {
	t.Helper()
	var b strings.Builder
	if err := s.WriteTable(&b); err != nil {
		t.Fatalf("WriteTable: %v", err)
	}
	return b.String()
}

// Each row is worse than the one below it, by the first thing in which they differ.
func TestTableHasTheWorstFirstInHumanUnits(t *testing.T) {
	const us = time.Microsecond
	s := atomicmetrics.Snapshot{WindowSize: 100, Nodes: map[string]atomicmetrics.NodeMetrics{
		"slow": {TotalExecutions: 99_999, SuccessCount: 99_999, WindowSamples: 100,
			P50: 138 * us, P90: 4_050 * us, P99: 535 * time.Millisecond, LatencyBreached: true},
		"failing": {TotalExecutions: 2_486, FailureCount: 18, TimeoutErrors: 6, ValidationErrors: 2, NetworkErrors: 7,
			OtherErrors: 3, RetryCount: 36, WindowSamples: 100, WindowFailures: 6,
			P50: 1_310 * us, P90: 10_100 * us, P99: 12 * time.Millisecond, FailureRateBreached: true},
		"hopeless": {TotalExecutions: 3, FailureCount: 3, OtherErrors: 3, WindowSamples: 3, WindowFailures: 3,
			P50: 1, P90: 2, P99: 3},
		"unlucky": {TotalExecutions: 123_456, WindowSamples: 65_536, WindowFailures: 1,
			P50: 59_960 * time.Millisecond, P90: 90 * time.Second, P99: 26 * time.Hour},
		"long": {TotalExecutions: 1, WindowSamples: 1, P99: atomicmetrics.MaxDuration},
		"also": {TotalExecutions: 1, WindowSamples: 1},
		"fast": {TotalExecutions: 1, WindowSamples: 1},
		"new":  {RetryCount: 1},
		"":     {RetryCount: math.MaxUint64, WindowSamples: 0},
	}}
	const want = `
                                                                   ------- newest 100 --------
node       runs  failed timeout validation network other  retries  failed    p50    p90    p99
failing    2486      18       6          2       7     3       36   6.0%! 1.31ms 10.1ms  12ms
slow      99999       0       0          0       0     0        0     0%   138µs 4.05ms 535ms!
hopeless      3       3       0          0       0     3        0   100%     1ns    2ns   3ns
unlucky    123k       0       0          0       0     0        0  <0.1%    1m0s  1m30s  1d2h
long          1       0       0          0       0     0        0     0%      0s     0s  834d
""            0       0       0          0       0     0    18.4E      -       -      -     -
also          1       0       0          0       0     0        0     0%      0s     0s    0s
fast          1       0       0          0       0     0        0     0%      0s     0s    0s
new           0       0       0          0       0     0        1      -       -      -     -
`
	if got := "\n" + writeTable(t, s); got != want {
		t.Errorf("got%s\nwant%s", got, want)
	}
}

func TestTableOfNoNodesSaysSo(t *testing.T) {
	for _, s := range []atomicmetrics.Snapshot{{}, newCollector(t).Snapshot()} {
		equal(t, "the table", writeTable(t, s), "no node has recorded anything\n")
	}
}

// awkward has names and parts of names that are hard to line up.
var awkward = []string{
	"", " ", "a", "fetch", "GET /api/v1/orders/{id}/items/{item}", "line\nbreak", "tab\ttab", "\x1b[31mred", "\u202eright to left",
	"日本語のとても長い名前", "한국어", "각", "é", "café", strings.Repeat("e\u0301\u0323", 50), "👩\u200d🚀", "⚠\ufe0f", "\xff\xfe",
	"…", `"quoted"`, "\u00a0", "\ufeff", "\U0010ffff", strings.Repeat("wide 全角 ", 400), "\u0301", strings.Repeat("\u0301", 300),
	strings.Repeat("\x00", 100),
	"שלום", "GET /سلام", "👩🏽\u200d🚀 launch", "🇩🇪", "1\ufe0f\u20e3",
}

// isolates takes no column.
var isolates = strings.NewReplacer("\u2068", "", "\u2069", "")

// A table of any figures, those that no collector has among them, of any names
// and in any width. 100 columns is the default.
func TestTableIsAlignedAndFits100ColumnsWhateverTheNames(t *testing.T) {
	for seed := range uint64(400) {
		rng := rand.New(rand.NewPCG(seed, 1))
		pick := func() uint64 { return rng.Uint64() >> rng.IntN(64) }
		duration := func() time.Duration { return time.Duration(pick()) }
		s := atomicmetrics.Snapshot{WindowSize: int(pick()), Nodes: map[string]atomicmetrics.NodeMetrics{}}
		if rng.IntN(2) == 0 {
			s.InFlight = map[string]atomicmetrics.InFlight{}
		}
		if rng.IntN(2) == 0 {
			s.Ignored = map[string]uint64{}
		}
		if rng.IntN(2) == 0 {
			s.LastFailures = map[string]atomicmetrics.LastFailure{}
		}
		for range 1 + rng.IntN(12) {
			name := awkward[rng.IntN(len(awkward))] + awkward[rng.IntN(len(awkward))]
			if s.InFlight != nil {
				s.InFlight[name] = atomicmetrics.InFlight{Running: 1 + int(pick()>>1), Oldest: duration()}
			}
			if s.Ignored != nil {
				s.Ignored[name] = pick()
			}
			if s.LastFailures != nil {
				s.LastFailures[name] = atomicmetrics.LastFailure{Category: atomicmetrics.Category(rng.IntN(5)), Text: name}
			}
			s.Nodes[name] = atomicmetrics.NodeMetrics{
				TotalExecutions: pick(), FailureCount: pick(), RetryCount: pick(), TimeoutErrors: pick(),
				ValidationErrors: pick(), NetworkErrors: pick(), OtherErrors: pick(),
				P50: duration(), P90: duration(), P99: duration(),
				WindowSamples: int(pick()), WindowFailures: int(pick()),
				FailureRateBreached: rng.IntN(2) == 0, LatencyBreached: rng.IntN(2) == 0, RunningBreached: rng.IntN(2) == 0,
			}
		}
		columns := 60 + rng.IntN(80)
		var b strings.Builder
		if err := s.WriteTableWidth(&b, columns); err != nil {
			t.Fatal(err)
		}
		text := isolates.Replace(b.String())
		lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
		equal(t, "lines", len(lines), len(s.Nodes)+len(s.LastFailures)+2)
		right := table.Width(lines[1]) // where the last heading ends, and so the last figures, or a column before
		for i, line := range lines {
			width, figures := table.Width(line), i > 0 && !strings.HasPrefix(line, "  ")
			if width > max(columns, 70) || figures && width != right && (width != right-1 || !strings.Contains(text, "!")) {
				t.Errorf("seed %d: a line is %d columns wide, the headings end at %d", seed, width, right)
			}
		}
		if t.Failed() {
			t.Fatal(text)
		}
	}
}

// The figures of all nodes are the same, so the names alone tell the lines apart.
func TestNoTwoLinesOfATableAreTheSame(t *testing.T) {
	const route = "GET /api/v1/orders/{id}/items/"
	s := atomicmetrics.Snapshot{Nodes: map[string]atomicmetrics.NodeMetrics{}}
	for _, name := range append([]string{"main/page-4/resize", "main/page-14/resize", "main/page-24/resize",
		route + "{item}", route + "{item}/", "a", "a ", " a", `a\n`, "a\n", "\xff", "\ufffd", `""`}, awkward...) {
		s.Nodes[name] = atomicmetrics.NodeMetrics{TotalExecutions: 1}
	}
	for _, columns := range []int{0, 80, 100, 200} {
		var b strings.Builder
		if err := s.WriteTableWidth(&b, columns); err != nil {
			t.Fatal(err)
		}
		seen := map[string]bool{}
		for line := range strings.Lines(b.String()) {
			if seen[line] {
				t.Errorf("%d columns: twice %q", columns, line)
			}
			seen[line] = true
		}
		equal(t, "lines", len(seen), len(s.Nodes)+2)
	}
}

// onCall is the snapshot of a program in which one node hangs, one flaps, one is
// slow and one has only been canceled.
func onCall() atomicmetrics.Snapshot {
	const ms = time.Millisecond
	now := time.Unix(1000, 0).UTC()
	return atomicmetrics.Snapshot{TakenAt: now, WindowSize: 100,
		Nodes: map[string]atomicmetrics.NodeMetrics{
			"GET /api/v1/orders/{id}/items/{item}": {TotalExecutions: 1_024_000, FailureCount: 18, TimeoutErrors: 11,
				ValidationErrors: 2, NetworkErrors: 4, OtherErrors: 1, RetryCount: 36, WindowSamples: 100, WindowFailures: 6,
				P50: 1310 * time.Microsecond, P90: 10 * ms, P99: 535 * ms, FailureRateBreached: true, LatencyBreached: true},
			"resize": {TotalExecutions: 2486, SuccessCount: 2486, WindowSamples: 100, P50: 8 * ms, P90: 9 * ms, P99: 12 * ms},
			"parse":  {TotalExecutions: 9, FailureCount: 1, OtherErrors: 1, WindowSamples: 9, WindowFailures: 1, P99: ms},
			"polled": {RetryCount: 13},
			"hangs":  {RunningBreached: true},
		},
		InFlight: map[string]atomicmetrics.InFlight{
			"begun":    {Running: 1, Highest: 1, Oldest: time.Millisecond},
			"hangs":    {Running: 1, Highest: 1, Oldest: 42 * time.Minute},
			"resize":   {Running: 12, Highest: 40, Oldest: 3 * time.Second},
			"polled":   {Highest: 1},
			"canceled": {Highest: 3},
		},
		Ignored: map[string]uint64{"canceled": 17, "polled": 13},
		LastFailures: map[string]atomicmetrics.LastFailure{
			"GET /api/v1/orders/{id}/items/{item}": {At: now.Add(-90 * time.Second), Category: atomicmetrics.CategoryTimeout,
				Text: "orders: attempt 3: Get \"https://orders.internal/v1/orders/17/items/4\": context deadline exceeded\n"},
			"parse": {At: now.Add(-26 * time.Hour)},
		},
	}
}

func TestTableHasWhatRunsAndWhatFailedLast(t *testing.T) {
	for columns, want := range map[int]string{
		70: `
                                                          newest 100 -
node              runs  failed  retries  running oldest  failed    p99
GET /ap…/{item}  1.02M      18       36        0     -    6.0%! 535ms!
  timeout, 1m30s ago: orders: attempt 3: Get "…ext deadline exceeded\n
hangs                0       0        0        1 42m0s!      -      -
parse                9       1        0        0     -   11.1%    1ms
  other, 1d2h ago
resize            2486       0        0       12    3s      0%   12ms
begun                0       0        0        1   1ms       -      -
canceled             0       0        0        0     -       -      -
polled               0       0       13        0     -       -      -
`,
		80: `
                                                                    newest 100 -
node                runs  failed  retries ignored  running oldest  failed    p99
GET /api…s/{item}  1.02M      18       36       0        0     -    6.0%! 535ms!
  timeout, 1m30s ago: orders: attempt 3: Get "https… context deadline exceeded\n
hangs                  0       0        0       0        1 42m0s!      -      -
parse                  9       1        0       0        0     -   11.1%    1ms
  other, 1d2h ago
resize              2486       0        0       0       12    3s      0%   12ms
begun                  0       0        0       0        1   1ms       -      -
canceled               0       0        0      17        0     -       -      -
polled                 0       0       13      13        0     -       -      -
`,
		100: `
                                                                           ------ newest 100 -------
node                        runs  failed  retries ignored  running oldest  failed    p50  p90    p99
GET /api/v1/…items/{item}  1.02M      18       36       0        0     -    6.0%! 1.31ms 10ms 535ms!
  timeout, 1m30s ago: orders: attempt 3: Get "https://orders.…/items/4": context deadline exceeded\n
hangs                          0       0        0       0        1 42m0s!      -       -    -     -
parse                          9       1        0       0        0     -   11.1%      0s   0s   1ms
  other, 1d2h ago
resize                      2486       0        0       0       12    3s      0%     8ms  9ms  12ms
begun                          0       0        0       0        1   1ms       -       -    -     -
canceled                       0       0        0      17        0     -       -       -    -     -
polled                         0       0       13      13        0     -       -       -    -     -
`,
		120: `
                                                                                               ------ newest 100 -------
node           runs  failed timeout validation network other  retries ignored  running oldest  failed    p50  p90    p99
GET /a…item}  1.02M      18      11          2       4     1       36       0        0     -    6.0%! 1.31ms 10ms 535ms!
  timeout, 1m30s ago: orders: attempt 3: Get "https://orders.internal/v1/orders/17/items/4": context deadline exceeded\n
hangs             0       0       0          0       0     0        0       0        1 42m0s!      -       -    -     -
parse             9       1       0          0       0     1        0       0        0     -   11.1%      0s   0s   1ms
  other, 1d2h ago
resize         2486       0       0          0       0     0        0       0       12    3s      0%     8ms  9ms  12ms
begun             0       0       0          0       0     0        0       0        1   1ms       -       -    -     -
canceled          0       0       0          0       0     0        0      17        0     -       -       -    -     -
polled            0       0       0          0       0     0       13      13        0     -       -       -    -     -
`,
	} {
		var b strings.Builder
		if err := onCall().WriteTableWidth(&b, columns); err != nil {
			t.Fatal(err)
		}
		if got := "\n" + b.String(); got != want {
			t.Errorf("%d columns: got%s\nwant%s", columns, got, want)
		}
	}
}

func TestANodeThatHasOnlyBegunIsInTheTable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCollector(t, atomicmetrics.WithInFlight())
		hangs := c.Node("hangs").Start()
		canceled := c.Node("canceled").Start()
		time.Sleep(3 * time.Second)
		canceled.Discard()
		c.Node("canceled").RecordIgnored()
		equal(t, "the table", "\n"+writeTable(t, c.Snapshot()), `
                                                         --- newest 100 ---
node      runs  failed  retries ignored  running oldest  failed p50 p90 p99
hangs        0       0        0       0        1     3s       -   -   -   -
canceled     0       0        0       1        0      -       -   -   -   -
`)
		hangs.Discard()
		c.ResetNode("canceled")
		equal(t, "the table of nothing", writeTable(t, c.Snapshot()), "no node has recorded anything\n")
	})
}

func TestANarrowTableLeavesTheCategoriesOut(t *testing.T) {
	s := atomicmetrics.Snapshot{WindowSize: 100, Nodes: map[string]atomicmetrics.NodeMetrics{
		"GET /api/v1/orders/{id}/items/{item}": {TotalExecutions: 2_486, FailureCount: 18, TimeoutErrors: 18, RetryCount: 36,
			WindowSamples: 100, WindowFailures: 6, P50: 1_310_000, P90: 10_100_000, P99: 12_000_000, FailureRateBreached: true},
		"\u05e9\u05dc\u05d5\u05dd": {TotalExecutions: 1, WindowSamples: 100, LatencyBreached: true},
	}}
	const want = `
                                                      ------- newest 100 -------
node                           runs  failed  retries  failed    p50    p90   p99
GET /api/v1/or…}/items/{item}  2486      18       36   6.0%! 1.31ms 10.1ms 12ms
` + "\u2068\u05e9\u05dc\u05d5\u05dd\u2069" + `                              1       0        0     0%      0s     0s   0s!
`
	var b strings.Builder
	if err := s.WriteTableWidth(&b, 80); err != nil {
		t.Fatal(err)
	}
	if got := "\n" + b.String(); got != want {
		t.Errorf("got%s\nwant%s", got, want)
	}
}

var errFull = errors.New("the disk is full")

// stuck takes so many bytes and no more.
type stuck struct {
	room int
	err  error
}

func (w *stuck) Write(p []byte) (int, error) {
	if len(p) <= w.room {
		return len(p), nil
	}
	return w.room, w.err
}

func TestTableReturnsTheErrorOfTheWriter(t *testing.T) {
	c := newCollector(t)
	for _, name := range []string{"a", "b"} {
		s := c.Snapshot()
		size := len(writeTable(t, s))
		for _, test := range []struct {
			writer stuck
			want   error
		}{
			{stuck{size, nil}, nil},
			{stuck{size - 1, errFull}, errFull},
			{stuck{0, errFull}, errFull},
			{stuck{size - 1, nil}, io.ErrShortWrite},
		} {
			if err := s.WriteTable(&test.writer); !errors.Is(err, test.want) {
				t.Errorf("%+v of %d: got %v, want %v", test.writer, size, err, test.want)
			}
		}
		c.RecordSuccess(name, time.Millisecond)
	}
}

func TestTableLeavesTheSnapshotAlone(t *testing.T) {
	c := newCollector(t)
	c.RecordFailure("a", time.Millisecond, errRefused)
	s := c.Snapshot()
	before, err := s.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	writeTable(t, s)
	after, err := s.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(before, after) {
		t.Errorf("it was %s\nand is %s", before, after)
	}
}
