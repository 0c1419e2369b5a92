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

const eventKinds = RunningEvent + 1

// model is a node as the contract describes it: slow, obvious, for one goroutine.
type model struct {
	size       int
	thresholds Thresholds
	all        []sampleOfModel // since the last reset
	retries    [8]uint64
	breached   [eventKinds]bool
	events     []Event                // without node and time
	windows    map[windowOfModel]bool // that were
}

// windowOfModel is what an event says of a window.
type windowOfModel struct {
	failureRate float64
	p99         time.Duration
	samples     int
}

func newModel(size int, thresholds Thresholds) model {
	return model{size: size, thresholds: thresholds, windows: map[windowOfModel]bool{}}
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

// limits tells of each kind whether the window is in breach, and whether it has
// recovered. It may be neither.
func (m *model) limits() (kinds [eventKinds]struct{ breach, recovered bool }) {
	n := len(m.window())
	recovery := m.thresholds.Recovery
	if recovery == 0 {
		recovery = 1
	}
	if limit := m.thresholds.FailureRate; limit != 0 {
		rate := float64(m.failures()) / float64(n)
		kinds[FailureRateEvent].breach, kinds[FailureRateEvent].recovered = rate > limit, rate <= limit*recovery
	}
	if limit := m.thresholds.Latency; limit != 0 {
		slow, behind, p99 := 0, n/100, m.percentile(99)
		for _, s := range m.window() {
			if s.d > limit {
				slow++
			}
		}
		kinds[LatencyEvent].breach = p99 > limit
		kinds[LatencyEvent].recovered = float64(p99) <= float64(limit)*recovery && float64(slow) <= recovery*float64(behind)
	}
	return kinds
}

func (m *model) judge() {
	n := len(m.window())
	e := Event{FailureRate: float64(m.failures()) / float64(n), P99: m.percentile(99), Samples: n}
	m.windows[windowOfModel{e.FailureRate, e.P99, e.Samples}] = true
	if n < max(1, m.thresholds.MinSamples) {
		return
	}
	for kind, now := range m.limits() {
		m.move(EventKind(kind), now.breach, now.recovered, e)
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
	*m = model{size: m.size, thresholds: m.thresholds, events: m.events, windows: m.windows}
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

	isSpread bool // at some time: then events come from another goroutine

	mu     sync.Mutex
	events []Event // of the node, without node and time
}

func newTwins(t *testing.T, size int, thresholds Thresholds) *twins {
	both := &twins{T: t, model: newModel(size, thresholds)}
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
	got := both.n.Reset()
	if both.isSpread {
		want.FailureRateBreached, want.LatencyBreached = got.FailureRateBreached, got.LatencyBreached
	}
	if got != want {
		both.Fatalf("step %d: the reset returned other figures:%s", both.step, diff.Fields(got, want))
	}
}

// spread has the node's ring sharded.
func (both *twins) spread() {
	if s := both.n.life.State(); s != nil {
		s.Ring.Spread(4)
		both.isSpread = true
	}
}

// checkMetrics compares the metrics. Another goroutine judges a node that is
// spread, so its verdict is compared by checkVerdict.
func (both *twins) checkMetrics() {
	both.Helper()
	got, want := both.n.Metrics(), both.model.metrics()
	if both.isSpread {
		want.FailureRateBreached, want.LatencyBreached = got.FailureRateBreached, got.LatencyBreached
	}
	if got != want {
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
	if both.isSpread {
		both.checkVerdict()
		return
	}
	if differ := diff.Lists(both.events, both.model.events); differ != "" {
		both.Fatalf("step %d, %+v: events: %s", both.step, both.model.thresholds, differ)
	}
}

// checkVerdict checks a node that is spread, after a flush. The verdict must be
// that of the last window, and each event of a window that was.
func (both *twins) checkVerdict() {
	both.Helper()
	m, t := both.n.Metrics(), both.model.thresholds
	if n := len(both.model.window()); n >= max(1, t.MinSamples) {
		for kind, was := range both.model.limits() {
			if breached := [...]bool{m.FailureRateBreached, m.LatencyBreached, m.RunningBreached}[kind]; was.breach && !breached || was.recovered && breached {
				both.Fatalf("step %d, %+v: %v breached is %v after a flush, with %+v", both.step, t, EventKind(kind), breached, m)
			}
		}
	}
	var last [eventKinds]bool
	for i, e := range both.events {
		if e.Breached == last[e.Kind] {
			both.Fatalf("step %d, %+v: event %d does not alternate: %+v", both.step, t, i, e)
		}
		last[e.Kind] = e.Breached
		if e.Samples > 0 && !both.model.windows[windowOfModel{e.FailureRate, e.P99, e.Samples}] {
			both.Fatalf("step %d, %+v: event %d is of no window that was: %+v", both.step, t, i, e)
		}
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
