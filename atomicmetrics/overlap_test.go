package atomicmetrics

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"
)

func TestEventsAlternateAndTheVerdictIsRightAfterAnyOverlap(t *testing.T) {
	raised := map[bool]int{} // events, by whether the node was spread
	for _, procs := range []int{1, 2, 4, 16} {
		for _, size := range []int{1, 5, 100, 1000, 3000} {
			for _, spread := range []bool{false, true} {
				t.Run(fmt.Sprintf("procs=%d/window=%d/spread=%v", procs, size, spread), func(t *testing.T) {
					defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(procs))
					raised[spread] += overlap(t, size, spread)
				})
			}
		}
	}
	for _, spread := range []bool{false, true} {
		if raised[spread] < 80 {
			t.Errorf("spread %v: only %d events were raised in 20 runs, so the test tests nothing", spread, raised[spread])
		}
	}
}

// overlap lets recorders run together in rounds. After each round it makes one
// more record alone and judges the window by hand. It returns how many events
// were raised.
func overlap(t *testing.T, size int, spread bool) (raised int) {
	limits := Thresholds{FailureRate: 0.3, Latency: 50, Recovery: 0.8, MinSamples: max(1, size/2)}
	var mu sync.Mutex
	breached := map[EventKind]bool{}
	c, err := New(WithWindowSize(size), WithThresholds(limits), WithLogger(zerolog.Nop()), OnEvent(func(e Event) {
		mu.Lock()
		defer mu.Unlock()
		if breached[e.Kind] == e.Breached {
			t.Errorf("two events in a row with breached %v: %+v", e.Breached, e)
		}
		if e.Breached && e.Kind == FailureRateEvent && !(e.FailureRate > limits.FailureRate) ||
			e.Breached && e.Kind == LatencyEvent && !(e.P99 > limits.Latency) ||
			e.Breached && e.Samples < limits.MinSamples {
			t.Errorf("a breach that is none: %+v", e)
		}
		breached[e.Kind] = e.Breached
		raised++
	}))
	if err != nil {
		t.Fatal(err)
	}
	n := c.Node("n")
	for round := range 25 {
		failing, slow := float64(round%3)*0.3, float64(round/3%2)*0.05
		var wg sync.WaitGroup
		for g := range 4 {
			random := rand.New(rand.NewPCG(uint64(round), uint64(g)))
			wg.Go(func() {
				for range 100 + size/2 {
					d := time.Duration(random.IntN(50))
					if random.Float64() < slow {
						d += 100
					}
					if random.Float64() < failing {
						n.RecordFailureAs(d, CategoryOther)
					} else {
						n.RecordSuccess(d)
					}
				}
				if g == 0 && round%7 == 6 {
					n.Reset()
				}
			})
		}
		if s := n.life.State(); spread && s != nil {
			s.Ring.Spread(4)
		}
		wg.Wait()
		n.RecordSuccess(1)
		if err := c.Flush(t.Context()); err != nil { // another goroutine judges a node that is spread
			t.Fatal(err)
		}
		m := n.Metrics()
		if m.WindowSamples < limits.MinSamples {
			continue
		}
		rate, p99 := m.WindowFailureRate(), m.P99
		recovered := float64(p99) <= float64(limits.Latency)*limits.Recovery && m.WindowMax <= limits.Latency
		if rate > limits.FailureRate && !m.FailureRateBreached ||
			rate <= limits.FailureRate*limits.Recovery && m.FailureRateBreached ||
			p99 > limits.Latency && !m.LatencyBreached || recovered && m.LatencyBreached {
			t.Fatalf("round %d: failure rate %v, p99 %v, but breached: %v and %v", round, rate, p99,
				m.FailureRateBreached, m.LatencyBreached)
		}
		mu.Lock()
		if breached[FailureRateEvent] != m.FailureRateBreached || breached[LatencyEvent] != m.LatencyBreached {
			t.Fatalf("round %d: the events say %v, the metrics %v and %v", round, breached, m.FailureRateBreached,
				m.LatencyBreached)
		}
		mu.Unlock()
	}
	return raised
}
