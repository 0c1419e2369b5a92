package httpwrap

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/nodemetrics/nodemetrics/atomicmetrics"
	"github.com/nodemetrics/nodemetrics/internal/clock"
)

// Handler returns next wrapped, so that every served request is recorded with
// the time until next returns. A nil next stands for http.DefaultServeMux.
//
// The default name needs the pattern that http.ServeMux sets in the request
// before it calls a handler. So next should be the mux, or a handler that is
// registered with the mux. A handler in between must not pass on a copy of the
// request, as Request.WithContext makes. Each request should pass a single
// Handler, because two Handlers of one name record the request twice.
func Handler(cfg Config, next http.Handler) http.Handler {
	if next == nil {
		next = http.DefaultServeMux
	}
	if cfg.Collector == nil {
		return next
	}
	if cfg.Name == nil {
		cfg.Name = serverName
	}
	return &handler{cfg, next}
}

type handler struct {
	cfg  Config
	next http.Handler
}

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s := service{cfg: &h.cfg, req: r, start: clock.Now()}
	w, s.res = watch(w, r)
	defer s.panicked()
	defer s.aborted() // runs first
	h.next.ServeHTTP(w, r)
	s.returned = true
	s.end()
}

// service is one request that a handler serves.
type service struct {
	cfg      *Config
	req      *http.Request
	res      *response
	start    int64         // a reading of the clock
	length   time.Duration // 0 until the handler has ended
	node     string
	named    bool // Name has been asked for node
	returned bool // next has returned
	gone     bool // next has aborted the response to a client that has gone
	judged   bool // nothing is left to do but the record, if any
}

// end records a request whose handler has returned.
func (s *service) end() {
	took := s.took()
	name, failure := s.name(), s.failure()
	ignored := name != "" && s.ignored(failure)
	// before the record, which is made even if the classifier ends the
	// goroutine
	s.judged = true
	switch {
	case name == "":
	case ignored:
		s.cfg.Collector.Node(name).RecordIgnored()
	default:
		record(s.cfg.Collector.Node(name), took, failure)
	}
}

// took returns the time from the start to the first call of took.
func (s *service) took() time.Duration {
	if s.length == 0 {
		s.length = time.Duration(clock.Now() - s.start)
	}
	return s.length
}

// name returns the answer of Name, which name asks once. If Name has panicked,
// name returns "".
func (s *service) name() string {
	if !s.named {
		s.named = true
		s.node = s.cfg.Name(s.req)
	}
	return s.node
}

// errLate is the failure of a response that came after the timeout of a
// http.TimeoutHandler.
var errLate = atomicmetrics.Categorize(http.ErrHandlerTimeout, atomicmetrics.CategoryTimeout)

// failure returns the error that the response stands for, nil for a success.
func (s *service) failure() error {
	status := s.res.final()
	if errors.Is(s.res.err, http.ErrHandlerTimeout) {
		return errLate
	}
	return s.cfg.failure(status)
}

// ignored reports whether a response with this failure is no verdict. The
// failure is a verdict if the client was there when the handler decided.
func (s *service) ignored(failure error) bool {
	if failure != nil && s.cfg.ignores(failure) {
		return true
	}
	if !s.res.mayBeGone() || s.res.reached && (failure != nil || s.res.complete()) {
		return false
	}
	return s.gone || s.leftUnheard()
}

// leftUnheard reports whether the client has gone, and Ignore accepts that.
func (s *service) leftUnheard() bool {
	return s.cfg.ignores(context.Canceled) && s.res.gone()
}

// aborted is deferred. A handler aborts its response by a panic with
// http.ErrAbortHandler. If the client has gone, aborted records the request as
// if the handler had returned. The panic goes on.
func (s *service) aborted() {
	if s.returned || !s.res.mayBeGone() {
		return
	}
	s.took() // without the time that the question about the client takes
	value := recover()
	if value == http.ErrAbortHandler && s.leftUnheard() {
		s.gone = true
		s.end()
	}
	if value != nil {
		panic(value) // from here, so that the frames of the handler stay on the stack
	}
}

// panicked is deferred. If the handler or a function of the Config has panicked
// or ended the goroutine, panicked records a failure. The panic goes on.
func (s *service) panicked() {
	if s.judged {
		return
	}
	value, took := recover(), s.took()
	defer goOn(value)
	if name := s.name(); name != "" {
		s.cfg.Collector.Node(name).RecordPanic(took, value)
	}
}

// goOn panics with the value, unless it is nil. It is deferred, so the panic
// goes on even if the value's text ends the goroutine.
func goOn(value any) {
	if value != nil {
		panic(value)
	}
}
