package httpwrap

import (
	"net/http"
	"time"

	"github.com/nodemetrics/nodemetrics/atomicmetrics"
	"github.com/nodemetrics/nodemetrics/internal/clock"
)

// Handler returns next wrapped so that every request it serves is recorded, with the time until next returns. A nil next
// stands for http.DefaultServeMux.
//
// The default name needs the pattern that http.ServeMux sets in the request, which it does before it calls a handler.
// So next should be the mux itself, or a handler that is registered with it; what stands between them must not put a
// copy of the request in its place, as Request.WithContext does. One request should pass one Handler: two of one name
// record it twice.
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
	start, done := clock.Now(), false
	defer func() {
		if !done { // next panicked or ended the goroutine; no recover, which would cost the stack
			if name := h.cfg.Name(r); name != "" {
				h.cfg.Collector.RecordFailureAs(name, since(start), atomicmetrics.CategoryOther)
			}
		}
	}()
	w, res := watch(w)
	h.next.ServeHTTP(w, r)
	took := since(start)
	name, failure := h.cfg.Name(r), h.cfg.failure(res.final())
	recorded := name != "" && !h.cfg.ignores(r.Context(), failure)
	done = true // only now: Name, Failed and Ignore are the user's too. Whatever the classifier does, the call below records
	if recorded {
		record(h.cfg.Collector.Node(name), took, failure)
	}
}

// since returns the time since start, a reading of the clock.
func since(start int64) time.Duration { return time.Duration(clock.Now() - start) }
