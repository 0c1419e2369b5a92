package httpwrap_test

import (
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/nodemetrics/nodemetrics/atomicmetrics"
	"github.com/nodemetrics/nodemetrics/wrap/httpwrap"
)

// newCollector returns a collector.
func newCollector(tb testing.TB) *atomicmetrics.Collector {
	tb.Helper()
	c, err := atomicmetrics.New()
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

// outcome is what a node should have recorded: so many successes, and failures by category.
type outcome struct{ successes, timeouts, network, validation, other uint64 }

var (
	nothing    = outcome{}
	success    = outcome{successes: 1}
	timeout    = outcome{timeouts: 1}
	network    = outcome{network: 1}
	validation = outcome{validation: 1}
	other      = outcome{other: 1}
)

// want checks that a node has recorded these and that no other node has recorded anything.
func want(t *testing.T, c *atomicmetrics.Collector, node string, want outcome) {
	t.Helper()
	for name, m := range c.All() {
		if name != node {
			t.Errorf("node %q has %d executions, want none", name, m.TotalExecutions)
		}
	}
	m := c.NodeMetrics(node)
	if got := (outcome{m.SuccessCount, m.TimeoutErrors, m.NetworkErrors, m.ValidationErrors, m.OtherErrors}); got != want {
		t.Errorf("node %q: %+v, want %+v", node, got, want)
	}
}

// fixed is a Config.Name.
func fixed(*http.Request) string { return "node" }

// site is a real server and a client, both recording.
type site struct {
	*httptest.Server
	client         *http.Client
	served, called *atomicmetrics.Collector
	handlers       sync.WaitGroup // those running
}

// protocols are the protocols that tests run by.
var protocols = []string{"HTTP/1.1", "HTTP/2.0"}

// newSite serves h by a protocol. The configs lack a collector only. The
// functions set up the server before it starts.
func newSite(t *testing.T, protocol string, h http.Handler, server, client httpwrap.Config, setUp ...func(*http.Server)) *site {
	t.Helper()
	s := &site{served: newCollector(t), called: newCollector(t)}
	server.Collector, client.Collector = s.served, s.called
	recording := httpwrap.Handler(server, h)
	s.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.handlers.Add(1)
		defer s.handlers.Done()
		recording.ServeHTTP(w, r)
	}))
	s.Config.ErrorLog = log.New(io.Discard, "", 0) // handlers panic here
	for _, f := range setUp {
		f(s.Config)
	}
	if protocol == "HTTP/2.0" {
		s.EnableHTTP2 = true
		s.StartTLS()
	} else {
		// Without TLS, whose end of a connection takes a message: an answer to it could come to a client that has gone.
		s.Start()
	}
	t.Cleanup(s.Close)
	s.client = &http.Client{
		Transport:     httpwrap.Transport(client, s.Server.Client().Transport),
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return s
}

// finish closes the server and waits for its handlers, which Close does not do for one whose client has gone.
func (s *site) finish() {
	s.Close()
	s.handlers.Wait()
}

// get gets a path of the site and reads the body to its end.
func (s *site) get(path string) (status int, body string, err error) {
	res, err := s.client.Get(s.URL + path)
	if err != nil {
		return 0, "", err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	return res.StatusCode, string(text), err
}
