package httpwrap

import (
	"net/http"
	"path"
	"strings"
	"time"

	"github.com/nodemetrics/nodemetrics/atomicmetrics"
	"github.com/nodemetrics/nodemetrics/wrap"
)

// Config says where requests are recorded, under which name, and which
// responses are failures. Handler and Transport take the same Config. Several
// goroutines may call its functions at once.
type Config struct {
	// Collector takes the records. With a nil Collector requests run the same,
	// unmeasured.
	Collector *atomicmetrics.Collector

	// Name returns the name of the node for a request, and "" leaves the
	// request out. It should return one of a few names. The path of a URL is no
	// such name, nor is any other text of the other side. Handler calls Name
	// when the request is over, so a router has set r.Pattern by then.
	// Transport calls Name before it sends the request.
	//
	// If Name is nil, Handler takes the pattern that http.ServeMux has matched.
	// If the pattern has no method, Handler puts the method in front, as in
	// "GET /items/{id}". If there is no pattern, the name is of the method
	// alone, as in "GET (no pattern)". If Name is nil, Transport takes the
	// method and the host, as in "GET api.example.com". A method that HTTP does
	// not define is "OTHER".
	Name func(*http.Request) string

	// Failed reports whether a response with this status is a failure. Its
	// error is then a StatusError. Nil means 500 and above, because a lower
	// status says that the request was wrong, not the node.
	Failed func(status int) bool

	// Ignore reports whether an error is no verdict on the node. The request is
	// then not recorded, and counts in [atomicmetrics.Snapshot.Ignored]. Handler
	// and Transport ask about each failure but a panic. Nil means wrap.Canceled,
	// because clients come and go.
	//
	// If a served client has gone, Handler also asks about context.Canceled,
	// with any status. If the context of a request made has ended, Transport
	// also asks about that context's Err. A StatusError that came from a server
	// stands, even if the context has ended.
	Ignore func(error) bool
}

// failure returns the error of a status, or nil if the status is no failure.
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
	// a method and a space come before the rest, which has no space
	if strings.ContainsRune(r.Pattern, ' ') {
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

// method returns one of ten names for the method of a request. Otherwise a
// client could make up any number of names.
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
