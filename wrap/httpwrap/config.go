package httpwrap

import (
	"net/http"
	"path"
	"strings"
	"time"

	"github.com/nodemetrics/nodemetrics/atomicmetrics"
	"github.com/nodemetrics/nodemetrics/wrap"
)

// Config says where requests are recorded, under which name, and what of them is a failure. It serves Handler and
// Transport alike; its functions are called by whichever goroutine has a request to record, so possibly by several at
// once.
type Config struct {
	// Collector takes the records. With a nil Collector requests run the same, unmeasured.
	Collector *atomicmetrics.Collector

	// Name returns the node that a request is recorded under; "" leaves the request out. It should return one of a few
	// names: neither the path of a URL nor anything else that the other side makes up. Handler calls it when the request
	// is over, so that a router has set r.Pattern, or whatever else it tells; Transport calls it before.
	//
	// Nil stands for the pattern that http.ServeMux has matched, with the method in front if the pattern has none
	// ("GET /items/{id}"), or, where there is no pattern, for the method alone ("GET (no pattern)"). Of a client it
	// stands for the method and the host ("GET api.example.com"). A method that HTTP does not define is "OTHER".
	Name func(*http.Request) string

	// Failed reports whether a response with this status is a failure, whose error is then a StatusError. Nil means 500
	// and above: what is below says that the request was wrong, not the node.
	Failed func(status int) bool

	// Ignore reports whether an error is no verdict on the node, so that the
	// request is not recorded at all. It is asked about each failure but a
	// panic. Nil means wrap.Canceled, because clients come and go.
	//
	// If a served client has gone, Ignore is also asked about context.Canceled,
	// whatever the status. If the context of a request made has ended, Ignore is
	// also asked about that context's Err. A StatusError that came from a server
	// stands, whatever has become of the context.
	Ignore func(error) bool
}

// failure returns the error that a status stands for, nil if it is none.
func (cfg *Config) failure(status int) error {
	failed := status >= http.StatusInternalServerError
	if cfg.Failed != nil {
		failed = cfg.Failed(status)
	}
	if failed {
		return StatusError(status)
	}
	return nil
}

// ignores reports whether Ignore accepts an error.
func (cfg *Config) ignores(err error) bool {
	if cfg.Ignore == nil {
		return wrap.Canceled(err)
	}
	return cfg.Ignore(err)
}

// record records a request that ended with err.
func record(node *atomicmetrics.Node, took time.Duration, err error) {
	if err == nil {
		node.RecordSuccess(took)
	} else {
		node.RecordFailure(took, err)
	}
}

// serverName is the default of Config.Name for a Handler.
func serverName(r *http.Request) string {
	if r.Pattern == "" || isRedirect(r) {
		return method(r) + " (no pattern)"
	}
	if strings.ContainsRune(r.Pattern, ' ') { // a method and a space come before the rest, which has no space
		return r.Pattern
	}
	return method(r) + " " + r.Pattern
}

// isRedirect reports whether http.ServeMux redirects a CONNECT request to a
// trailing slash. The mux then sets the path as the pattern, so the client
// would choose the name.
func isRedirect(r *http.Request) bool {
	return r.Method == http.MethodConnect && !strings.HasSuffix(r.URL.Path, "/") &&
		r.Pattern == path.Clean("/"+r.URL.Path)+"/"
}

// clientName is the default of Config.Name for a Transport.
func clientName(r *http.Request) string { return method(r) + " " + host(r) }

// host returns the host of a client's request. A transport refuses a request
// without a URL or a host.
func host(r *http.Request) string {
	if r.URL == nil || r.URL.Host == "" {
		return "(no host)"
	}
	return r.URL.Host
}

// method returns the method of a request, one of ten: a client could otherwise make up as many names as it likes.
func method(r *http.Request) string {
	switch r.Method {
	case "": // of a client
		return http.MethodGet
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete,
		http.MethodConnect, http.MethodOptions, http.MethodTrace:
		return r.Method
	}
	return "OTHER"
}
