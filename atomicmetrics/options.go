package atomicmetrics

import (
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/rs/zerolog"
	"github.com/rs/zerolog/log"

	"github.com/nodemetrics/nodemetrics/digest"
	"github.com/nodemetrics/nodemetrics/internal/registry"
)

// The defaults of a collector.
const (
	DefaultWindowSize = 100
	DefaultMaxNodes   = 10_000
)

// Option configures a Collector. Options may come in any order. If two options
// set the same thing, the later option counts.
type Option func(*config)

// config has the settings of all options. New checks them as a whole.
type config struct {
	windowSize     int
	strategy       digest.Strategy
	thresholds     Thresholds
	nodeThresholds map[string]Thresholds
	thresholdsFor  func(node string) Thresholds
	onEvent        []func(Event)
	classify       func(error) Category
	logger         zerolog.Logger
	slog           *slog.Logger // nil means that warnings go to logger
	maxNodes       int
	sketches       bool
	lastFailure    bool
	idleForget     time.Duration
	forgetsIdle    bool
	inFlight       bool
	instance       string
}

func defaults() config {
	return config{
		windowSize:     DefaultWindowSize,
		nodeThresholds: map[string]Thresholds{},
		logger:         log.Logger,
		maxNodes:       DefaultMaxNodes,
		instance:       fmt.Sprintf("%016x", rand.Uint64()),
	}
}

// WithWindowSize sets how many of a node's newest executions the window holds.
// The range is 1 to 65,536 with digest.Exact, and 1 to 1<<30 with
// digest.TDigest. The default is DefaultWindowSize.
func WithWindowSize(n int) Option { return func(c *config) { c.windowSize = n } }

// WithPercentiles sets how percentiles are computed from the window. The
// default is digest.Default().
func WithPercentiles(s digest.Strategy) Option { return func(c *config) { c.strategy = s } }

// WithThresholds sets the thresholds of every node without thresholds of its
// own.
func WithThresholds(t Thresholds) Option { return func(c *config) { c.thresholds = t } }

// WithNodeThresholds sets the thresholds of a node, in the place of those of
// [WithThresholds].
func WithNodeThresholds(node string, t Thresholds) Option {
	return func(c *config) { c.nodeThresholds[registry.Valid(node)] = t }
}

// OnFailureRateThreshold calls f when the failure rate of a node's window rises
// above its threshold. The rate is from 0 to 1. It is shorthand for an
// [OnEvent] that looks at such breaches only.
func OnFailureRateThreshold(f func(node string, rate float64)) Option {
	return onBreach(FailureRateEvent, f == nil, func(e Event) { f(e.Node, e.FailureRate) })
}

// OnLatencyThreshold calls f when the p99 of a node's window rises above its
// threshold. It is shorthand for an [OnEvent] that looks at such breaches only.
func OnLatencyThreshold(f func(node string, p99 time.Duration)) Option {
	return onBreach(LatencyEvent, f == nil, func(e Event) { f(e.Node, e.P99) })
}

func onBreach(kind EventKind, never bool, f func(Event)) Option {
	if never {
		return OnEvent(nil)
	}
	return OnEvent(func(e Event) {
		if e.Kind == kind && e.Breached {
			f(e)
		}
	})
}

// OnEvent calls f for every breach and every recovery. New may get several
// OnEvent options. The collector calls all their functions, in the order given,
// and so those of [OnFailureRateThreshold] and [OnLatencyThreshold]. OnEvent
// ignores a nil f.
//
// Callbacks run one at a time, in the order of the events. They run on a
// goroutine that exists only while an event waits, and never on the goroutine
// that records. A callback may call every method of the collector but Flush,
// which would wait for itself.
//
// If a callback panics or exits its goroutine, the collector logs the value and
// the stack, and calls the next callback. It logs that at most once a second
// for each callback. If a callback does not return, later events wait. At most
// 1,024 wait. Beyond that the collector drops the oldest event, and counts it
// in a warning, at most once a second and when no more events wait.
func OnEvent(f func(Event)) Option {
	return func(c *config) {
		if f != nil {
			c.onEvent = append(c.onEvent, f)
		}
	}
}

// WithClassifier sets the function that decides a failure's category, in the
// place of [Classify]. A nil f means Classify. A failure with an error that is
// not nil calls f on the goroutine that records, before the record. If f
// panics, or ends its goroutine, the failure counts as CategoryOther. The
// collector logs a warning, at most once a second.
func WithClassifier(f func(error) Category) Option { return func(c *config) { c.classify = f } }

// WithLogger sets where warnings go. The default is zerolog's global logger at
// the call of [New]. No record is logged, and the goroutine that records never
// writes to the log. A log that blocks holds up later warnings only, of which
// 1,024 wait. Beyond that the collector drops the oldest, and a warning counts
// it.
//
// Each kind of warning is logged at most once a second. If warnings were held
// back, the next warning has their number as "suppressed".
func WithLogger(l zerolog.Logger) Option { return func(c *config) { c.logger = l } }

// WithSlog sends warnings to l and not to zerolog, whether WithLogger is given
// or not. The keys are the same. A nil l changes nothing.
func WithSlog(l *slog.Logger) Option {
	return func(c *config) {
		if l != nil {
			c.slog = l
		}
	}
}

// WithMaxNodes sets how many distinct names the collector keeps, at least 1.
// Records of further names go to OverflowNode, which is not counted. The
// default is DefaultMaxNodes.
func WithMaxNodes(n int) Option { return func(c *config) { c.maxNodes = n } }

// WithSketches puts a sketch of every node's window into snapshots, so that
// [Merge] can merge snapshots of several collectors. It costs records nothing.
// A sketch has at most 1,024 samples, or about 700 centroids, of 16 bytes each.
// In JSON it takes at most 20 KB, if durations are below 1,000 s.
func WithSketches() Option { return func(c *config) { c.sketches = true } }

// WithLastFailure keeps time, category and text of every node's newest failure.
// [Node.LastFailure] and Snapshot.LastFailures return it. A reset clears it
// with the rest, and [Collector.Reset] returns it.
//
// Successes and retries cost the same with it. A failure reads the clock, and
// allocates about 80 bytes and a copy of its error's text. It calls the error's
// Error on the goroutine that records, before the record. If Error panics, the
// text says so.
func WithLastFailure() Option { return func(c *config) { c.lastFailure = true } }

// check returns an error with one line for each bad option.
func (c *config) check() error {
	var errs []error
	refuse := func(option string, err error) {
		if err != nil {
			errs = append(errs, fmt.Errorf("atomicmetrics: %s: %w", option, err))
		}
	}
	refuse("WithPercentiles", c.strategy.Validate())
	strategy, err := c.strategy.For(c.windowSize)
	refuse("WithWindowSize", err)
	c.strategy = strategy
	if c.maxNodes < 1 {
		refuse("WithMaxNodes", fmt.Errorf("%d must be at least 1", c.maxNodes))
	}
	if c.instance == "" {
		refuse("WithInstance", errors.New("the name is empty"))
	}
	if c.forgetsIdle && c.idleForget <= 0 {
		refuse("WithIdleForget", fmt.Errorf("%v must be above 0", c.idleForget))
	}
	refuse("WithThresholds", c.thresholds.check(c))
	for _, node := range sortedKeys(c.nodeThresholds) {
		refuse(fmt.Sprintf("WithNodeThresholds(%q)", node), c.nodeThresholds[node].check(c))
	}
	return errors.Join(errs...)
}
