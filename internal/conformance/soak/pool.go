package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"github.com/nodemetrics/nodemetrics/atomicmetrics"
	"github.com/nodemetrics/nodemetrics/digest"
)

// kind says how a collector is made.
type kind struct {
	name                 string
	windowSize, maxNodes int
	strategy             digest.Strategy
	watched              bool // it has thresholds
}

// pool is a collector of a run, with the sums of everything recorded.
type pool struct {
	kind
	*atomicmetrics.Collector
	hot                []*atomicmetrics.Node // few, which all recorders contend for
	resetting, reset   atomic.Uint64         // resets that have begun, and that have ended
	recorded, returned ledger                // returned by resets
	edges              edges
	log                warnings
}

// warnings counts the log lines that tell of dropped events. After a drop,
// events need not alternate.
type warnings struct{ dropped atomic.Uint64 }

func (w *warnings) Write(line []byte) (int, error) {
	if strings.Contains(string(line), `"dropped":`) {
		w.dropped.Add(1)
	}
	return len(line), nil
}

var _ io.Writer = (*warnings)(nil)

const hotNodes, coolNodes = 3, 12

// start makes the collector of a pool and starts its users.
func (r *run) start(k kind, processors int) error {
	p := &pool{kind: k, edges: edges{breached: map[edge]bool{}}}
	opts := []atomicmetrics.Option{
		atomicmetrics.WithWindowSize(p.windowSize), atomicmetrics.WithMaxNodes(p.maxNodes),
		atomicmetrics.WithPercentiles(p.strategy), atomicmetrics.WithLogger(zerolog.New(&p.log)),
		atomicmetrics.OnEvent(p.edges.add),
	}
	if p.watched {
		opts = append(opts, atomicmetrics.WithThresholds(atomicmetrics.Thresholds{
			FailureRate: 0.35, Latency: 2 * time.Millisecond, MinSamples: 50, Recovery: 0.6}))
	}
	var err error
	if p.Collector, err = atomicmetrics.New(opts...); err != nil {
		return err
	}
	for i := range hotNodes {
		p.hot = append(p.hot, p.Node(fmt.Sprint("hot ", i)))
	}
	r.pools = append(r.pools, p)
	for range 2 * processors {
		random := r.random()
		r.groups.recorders.Go(func() { p.record(r, random) })
	}
	for range 2 {
		random := r.random()
		r.groups.others.Go(func() { p.read(r, random) })
	}
	r.every(20*time.Millisecond, func(*rand.Rand) { p.snapshot(r) })
	return nil
}

var errs = []struct {
	err      error
	category atomicmetrics.Category
}{
	{context.DeadlineExceeded, atomicmetrics.CategoryTimeout},
	{fmt.Errorf("dial: %w", os.ErrDeadlineExceeded), atomicmetrics.CategoryTimeout},
	{atomicmetrics.Categorize(errors.New("bad"), atomicmetrics.CategoryValidation), atomicmetrics.CategoryValidation},
	{errors.New("refused"), atomicmetrics.CategoryOther},
	{nil, atomicmetrics.CategoryOther},
}

// record records until the run ends.
func (p *pool) record(r *run, random *rand.Rand) {
	var mine atomicmetrics.NodeMetrics
	defer func() { p.recorded.add(mine) }()
	for i := uint64(0); ; i++ {
		if i%1024 == 0 {
			r.records.Add(min(i, 1024))
			if r.ctx.Err() != nil {
				return
			}
			// Resets by recorders come as often as records do, however busy the
			// machine is.
			p.clear(r, random)
		}
		p.recordOne(&mine, random, r.bad.Load())
	}
}

// recordOne makes a random record and adds it to the recorder's sums.
func (p *pool) recordOne(mine *atomicmetrics.NodeMetrics, random *rand.Rand, bad bool) {
	n := p.hot[random.IntN(hotNodes)]
	name := n.Name()
	switch k := random.IntN(1000); {
	case k < 200:
		name = fmt.Sprint("cool ", random.IntN(coolNodes))
		n = p.Node(name)
	case k < 202:
		name = fmt.Sprint("new ", random.Uint32())
		n = p.Node(name)
	}
	byName := random.IntN(2) == 0
	d := time.Duration(random.IntN(1_000_000))
	if random.IntN(5000) == 0 {
		d = -d
	}
	failing := 5
	if bad {
		failing = 60
		d *= 4
	}
	add := func(outcome *uint64, d time.Duration) {
		*outcome++
		mine.TotalExecutions++
		mine.TotalDuration += max(d, 0)
	}
	categories := [...]*uint64{
		atomicmetrics.CategoryOther: &mine.OtherErrors, atomicmetrics.CategoryTimeout: &mine.TimeoutErrors,
		atomicmetrics.CategoryValidation: &mine.ValidationErrors, atomicmetrics.CategoryNetwork: &mine.NetworkErrors,
	}
	switch k := random.IntN(100); {
	case k < 10:
		attempt := random.IntN(11)
		mine.RetryCount++
		mine.RetriesByAttempt[min(max(attempt, 1), 8)-1]++
		if byName {
			p.RecordRetry(name, attempt)
		} else {
			n.RecordRetry(attempt)
		}
	case k < 12:
		e := errs[random.IntN(len(errs)-1)]
		t := n.Start()
		if random.IntN(100) >= failing {
			add(&mine.SuccessCount, t.Stop(nil))
		} else {
			mine.FailureCount++
			add(categories[e.category], t.Stop(e.err))
		}
	case random.IntN(100) >= failing:
		add(&mine.SuccessCount, d)
		if byName {
			p.RecordSuccess(name, d)
		} else {
			n.RecordSuccess(d)
		}
	case k < 56:
		e := errs[random.IntN(len(errs))]
		mine.FailureCount++
		add(categories[e.category], d)
		if byName {
			p.RecordFailure(name, d, e.err)
		} else {
			n.RecordFailure(d, e.err)
		}
	default:
		category := atomicmetrics.Category(random.IntN(4))
		mine.FailureCount++
		add(categories[category], d)
		if byName {
			p.RecordFailureAs(name, d, category)
		} else {
			n.RecordFailureAs(d, category)
		}
	}
}

// read reads nodes until the run ends.
func (p *pool) read(r *run, random *rand.Rand) {
	var earlier [hotNodes]struct {
		metrics atomicmetrics.NodeMetrics
		resets  uint64
	}
	for r.ctx.Err() == nil {
		r.reads.Add(1)
		i := random.IntN(hotNodes)
		n := p.hot[i]
		before := p.reset.Load()
		quiet := p.resetting.Load() == before
		m := n.Metrics()
		err := check(m, p.windowSize)
		if last := &earlier[i]; err == nil && quiet && p.resetting.Load() == before {
			if last.resets == before && wentBack(last.metrics, m) {
				err = fmt.Errorf("a counter went back: %+v, then %+v", last.metrics, m)
			}
			last.metrics, last.resets = m, before
		}
		if q := n.Quantiles(0, 0.25, 0.5, 0.9, 0.99, 1); err == nil {
			for j := 1; j < len(q); j++ {
				if q[j] < q[j-1] {
					err = fmt.Errorf("quantiles out of order: %v", q)
				}
			}
		}
		if err == nil {
			err = check(p.NodeMetrics(fmt.Sprint("cool ", random.IntN(coolNodes))), p.windowSize)
		}
		if err != nil {
			r.fail(fmt.Errorf("%s: node %s: %w", p.name, n.Name(), err))
		}
	}
}

// snapshot reads all nodes, in two ways.
func (p *pool) snapshot(r *run) {
	s := p.Snapshot()
	r.reads.Add(uint64(len(s.Nodes)))
	for name, m := range s.Nodes {
		if err := check(m, p.windowSize); err != nil {
			r.fail(fmt.Errorf("%s: snapshot: node %s: %w", p.name, name, err))
		}
	}
	if err := roundTrip(s); err != nil {
		r.fail(fmt.Errorf("%s: %w", p.name, err))
	}
	for name, m := range p.All() {
		r.reads.Add(1)
		if err := check(m, p.windowSize); err != nil {
			r.fail(fmt.Errorf("%s: All: node %s: %w", p.name, name, err))
		}
	}
}

// clear resets a node, or all. It resets a hot node often, to meet as many
// records as possible. It resets other nodes so seldom that their windows fill.
func (p *pool) clear(r *run, random *rand.Rand) {
	p.resetting.Add(1)
	defer p.reset.Add(1)
	r.resets.Add(1)
	take := func(name string, m atomicmetrics.NodeMetrics) {
		if err := check(m, p.windowSize); err != nil {
			r.fail(fmt.Errorf("%s: reset of node %s: %w", p.name, name, err))
		}
		p.returned.add(m)
	}
	switch k := random.IntN(1000); {
	case k < 5:
		for name, m := range p.Reset().Nodes {
			take(name, m)
		}
	case k < 100:
		name := fmt.Sprint("cool ", random.IntN(coolNodes))
		take(name, p.ResetNode(name))
	case k < 110:
		n := p.hot[random.IntN(hotNodes)]
		take(n.Name(), n.Reset())
	default:
		take(p.hot[0].Name(), p.hot[0].Reset())
	}
}

// settle checks a pool once nothing runs any more. It returns an error if the
// resets and the figures left do not add up to the records. It also returns an
// error if the events and the metrics disagree.
func (p *pool) settle() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := p.Flush(ctx); err != nil {
		return fmt.Errorf("flush: %w", err)
	}
	dropped := p.log.dropped.Load() > 0
	if p.edges.wrong != nil && !dropped {
		return p.edges.wrong
	}
	for name, m := range p.All() {
		if err := check(m, p.windowSize); err != nil {
			return fmt.Errorf("in the end: node %s: %w", name, err)
		}
		if dropped {
			continue
		}
		for kind, breached := range [...]bool{atomicmetrics.FailureRateEvent: m.FailureRateBreached,
			atomicmetrics.LatencyEvent: m.LatencyBreached,
			atomicmetrics.RunningEvent: m.RunningBreached} {
			if p.edges.breached[edge{name, atomicmetrics.EventKind(kind)}] != breached {
				return fmt.Errorf("node %s: the last event and the metrics do not agree whether it is in breach: %+v", name, m)
			}
		}
	}
	for _, m := range p.Reset().Nodes {
		p.returned.add(m)
	}
	if err := p.Flush(ctx); err != nil { // the recoveries by the reset
		return fmt.Errorf("flush: %w", err)
	}
	if p.recorded.sum != p.returned.sum {
		return fmt.Errorf("recorded %+v, and in resets and left %+v", p.recorded.sum, p.returned.sum)
	}
	return nil
}
