package atomicmetrics

import (
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/nodemetrics/nodemetrics/internal/diff"
)

// model is a node as the contract describes it: slow, obvious, for one goroutine.
type model struct {
	size       int
	thresholds Thresholds
	all        []sampleOfModel // since the last reset
	retries    [8]uint64
	breached   [eventKinds]bool
	events     []Event // without node and time
}

type sampleOfModel struct {
	d        time.Duration
	failed   bool
	category Category
}

func (m *model) record(s sampleOfModel) {
	m.all = append(m.all, s)
	m.judge()
}

func (m *model) window() []sampleOfModel { return m.all[max(0, len(m.all)-m.size):] }

// percentile is the definition: sample number max(1, ⌈q·n⌉) of the sorted window.
func (m *model) percentile(hundredths int64) time.Duration {
	var sorted []time.Duration
	for _, s := range m.window() {
		sorted = append(sorted, s.d)
	}
	if len(sorted) == 0 {
		return 0
	}
	slices.Sort(sorted)
	n := (hundredths*int64(len(sorted)) + 99) / 100
	return sorted[max(1, n)-1]
}

func (m *model) failures() (n int) {
	for _, s := range m.window() {
		if s.failed {
			n++
		}
	}
	return n
}

func (m *model) judge() {
	n := len(m.window())
	if n < max(1, m.thresholds.MinSamples) {
		return
	}
	recovery := m.thresholds.Recovery
	if recovery == 0 {
		recovery = 1
	}
	rate, p99 := float64(m.failures())/float64(n), m.percentile(99)
	if limit := m.thresholds.FailureRate; limit != 0 {
		m.move(FailureRateEvent, rate > limit, rate <= limit*recovery, Event{FailureRate: rate, P99: p99, Samples: n})
	}
	if limit := m.thresholds.Latency; limit != 0 {
		m.move(LatencyEvent, p99 > limit, float64(p99) <= float64(limit)*recovery,
			Event{FailureRate: rate, P99: p99, Samples: n})
	}
}

func (m *model) move(kind EventKind, breach, recovered bool, e Event) {
	if was := m.breached[kind]; !was && breach || was && recovered {
		m.breached[kind] = !was
		e.Kind, e.Breached = kind, !was
		m.events = append(m.events, e)
	}
}

func (m *model) reset() {
	for kind, was := range m.breached {
		if was {
			m.events = append(m.events, Event{Kind: EventKind(kind)})
		}
	}
	*m = model{size: m.size, thresholds: m.thresholds, events: m.events}
}

func (m *model) metrics() (want NodeMetrics) {
	sum := new(big.Int)
	for _, s := range m.all {
		sum.Add(sum, big.NewInt(int64(s.d)))
		want.TotalExecutions++
		if !s.failed {
			want.SuccessCount++
			continue
		}
		want.FailureCount++
		switch s.category {
		case CategoryTimeout:
			want.TimeoutErrors++
		case CategoryValidation:
			want.ValidationErrors++
		case CategoryNetwork:
			want.NetworkErrors++
		default:
			want.OtherErrors++
		}
	}
	for i, n := range m.retries {
		want.RetriesByAttempt[i] = n
		want.RetryCount += n
	}
	if n := len(m.all); n > 0 {
		want.TotalDuration = math.MaxInt64
		if sum.IsInt64() {
			want.TotalDuration = time.Duration(sum.Int64())
		}
		want.AvgExecution = time.Duration(new(big.Int).Div(sum, big.NewInt(int64(n))).Int64())
		want.LastExecution = m.all[n-1].d
	}
	want.P50, want.P90, want.P99 = m.percentile(50), m.percentile(90), m.percentile(99)
	want.WindowMin, want.WindowMax = m.percentile(0), m.percentile(100)
	want.WindowSamples, want.WindowFailures = len(m.window()), m.failures()
	want.FailureRateBreached, want.LatencyBreached = m.breached[FailureRateEvent], m.breached[LatencyEvent]
	return want
}

// modelSizes are the windows of the random scripts.
var modelSizes = []int{1, 2, 3, 7, 64, 99, 100, 128, 1000}

// thresholdsFor draws thresholds that a script crosses now and then.
func thresholdsFor(random *rand.Rand, size int) Thresholds {
	t := Thresholds{
		FailureRate: []float64{0, 0.1, 0.25, 0.5, 1.0 / 3}[random.IntN(5)],
		Latency:     []time.Duration{0, 1, 500, 900}[random.IntN(4)],
		Recovery:    []float64{0, 1, 0.5, 0.9}[random.IntN(4)],
		MinSamples:  random.IntN(size + 1),
	}
	return t
}

func TestNodeAgreesWithTheModelRecordForRecord(t *testing.T) {
	for _, size := range modelSizes {
		for _, spread := range []bool{false, true} {
			t.Run(fmt.Sprintf("window=%d/spread=%v", size, spread), func(t *testing.T) {
				for seed := range uint64(12) {
					script(t, rand.New(rand.NewPCG(seed, uint64(size))), size, spread)
				}
			})
		}
	}
}

// twins are a node and its model, which do the same.
type twins struct {
	*testing.T
	c     *Collector
	n     *Node
	model model
	step  int // for messages

	mu     sync.Mutex
	events []Event // of the node, without node and time
}

func newTwins(t *testing.T, size int, thresholds Thresholds) *twins {
	both := &twins{T: t, model: model{size: size, thresholds: thresholds}}
	c, err := New(WithWindowSize(size), WithThresholds(thresholds), WithLogger(zerolog.Nop()),
		OnEvent(func(e Event) {
			both.mu.Lock()
			defer both.mu.Unlock()
			if e.Node != "n" || e.At.IsZero() {
				t.Errorf("event without its node or time: %+v", e)
			}
			e.Node, e.At = "", time.Time{}
			both.events = append(both.events, e)
		}))
	if err != nil {
		t.Fatal(err)
	}
	both.c, both.n = c, c.Node("n")
	return both
}

var errorsByCategory = func() (errs [categories]error) {
	for category := range categories {
		errs[category] = Categorize(fmt.Errorf("%v", category), category)
	}
	return errs
}()

// record records a sample, a failure by its category or by an error.
func (both *twins) record(s sampleOfModel, as bool) {
	switch {
	case !s.failed:
		both.n.RecordSuccess(s.d)
	case as:
		both.c.RecordFailureAs("n", s.d, s.category)
	default:
		both.n.RecordFailure(s.d, errorsByCategory[s.category])
	}
	both.model.record(s)
}

func (both *twins) retry(attempt int) {
	both.n.RecordRetry(attempt)
	both.model.retries[min(max(attempt, 1), 8)-1]++
}

func (both *twins) reset() {
	both.Helper()
	want := both.model.metrics()
	both.model.reset()
	if got := both.n.Reset(); got != want {
		both.Fatalf("step %d: the reset returned other figures:%s", both.step, diff.Fields(got, want))
	}
}

// spread has the node's ring sharded.
func (both *twins) spread() {
	if s := both.n.state.Load(); s != nil {
		s.ring.Spread(4)
	}
}

func (both *twins) checkMetrics() {
	both.Helper()
	if got, want := both.n.Metrics(), both.model.metrics(); got != want {
		both.Fatalf("step %d, %+v:%s", both.step, both.model.thresholds, diff.Fields(got, want))
	}
}

func (both *twins) checkEvents() {
	both.Helper()
	if err := both.c.Flush(both.Context()); err != nil {
		both.Fatal(err)
	}
	both.mu.Lock()
	defer both.mu.Unlock()
	if differ := diff.Lists(both.events, both.model.events); differ != "" {
		both.Fatalf("step %d, %+v: events: %s", both.step, both.model.thresholds, differ)
	}
}

// script runs one random script on a node and on the model and compares them at every step. The script goes through
// phases of different failure rates and durations, so that thresholds are crossed and crossed back. With spread the
// node's ring is sharded at a random step after every reset.
func script(t *testing.T, random *rand.Rand, size int, spread bool) {
	both := newTwins(t, size, thresholdsFor(random, size))
	steps := 600 + 3*size
	checkEvery := 1 + size/50
	failing, slowest := 0.1, 1000
	for step := range steps {
		both.step = step
		if random.IntN(1+size/2) == 0 {
			failing, slowest = random.Float64()*random.Float64(), 1+random.IntN(1500)
		}
		switch p := random.IntN(1000); {
		case p < 20:
			both.retry(random.IntN(12) - 1)
		case p < 20+1000/(2*size+20):
			both.reset()
		default:
			s := sampleOfModel{d: time.Duration(random.IntN(slowest))}
			if random.IntN(200) == 0 {
				s.d = MaxDuration
			}
			if random.Float64() < failing {
				s.failed, s.category = true, Category(random.IntN(int(categories)))
			}
			both.record(s, random.IntN(2) == 0)
		}
		if spread && random.IntN(1+size/3) == 0 {
			both.spread()
		}
		if step%checkEvery == 0 || step == steps-1 {
			both.checkMetrics()
		}
		if step%97 == 0 || step == steps-1 {
			both.checkEvents()
		}
	}
}
