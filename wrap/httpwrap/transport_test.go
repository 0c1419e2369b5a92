package httpwrap_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nodemetrics/nodemetrics/atomicmetrics"
	"github.com/nodemetrics/nodemetrics/wrap/httpwrap"
)

func TestClientTimesOut(t *testing.T) {
	// slow answers after the client has given up, with or without a part of the body before.
	slow := func(partly bool) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if partly {
				io.WriteString(w, "half a bo")
				flush(w)
			}
			<-r.Context().Done()
		}
	}
	for _, partly := range []bool{false, true} {
		for _, protocol := range protocols {
			for _, by := range []string{"Client.Timeout", "deadline"} {
				name := by + "/before the header/" + protocol
				if partly {
					name = by + "/in the body/" + protocol
				}
				t.Run(name, func(t *testing.T) {
					s := newSite(t, protocol, slow(partly), httpwrap.Config{Name: fixed}, httpwrap.Config{Name: fixed})
					ctx := t.Context()
					const limit = 50 * time.Millisecond
					if by == "deadline" {
						var cancel context.CancelFunc
						ctx, cancel = context.WithTimeout(ctx, limit)
						defer cancel()
					} else {
						s.client.Timeout = limit
					}
					req, err := http.NewRequestWithContext(ctx, "GET", s.URL, nil)
					if err != nil {
						t.Fatal(err)
					}
					res, err := s.client.Do(req)
					if err == nil {
						_, err = io.ReadAll(res.Body)
						res.Body.Close()
					}
					if e := net.Error(nil); !errors.As(err, &e) || !e.Timeout() {
						t.Errorf("error %v, want a timeout", err)
					}
					s.finish()
					want(t, s.called, "node", timeout)
				})
			}
		}
	}
}

func TestClientCancelsInTheBody(t *testing.T) {
	for _, protocol := range protocols {
		t.Run(protocol, func(t *testing.T) {
			s := newSite(t, protocol, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				flush(w)
				<-r.Context().Done()
			}), httpwrap.Config{Name: fixed}, httpwrap.Config{Name: fixed})
			ctx, cancel := context.WithCancelCause(t.Context())
			req, err := http.NewRequestWithContext(ctx, "GET", s.URL, nil)
			if err != nil {
				t.Fatal(err)
			}
			res, err := s.client.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			cancel(errors.New("not wanted any more"))
			if _, err := io.ReadAll(res.Body); err == nil {
				t.Error("the body has an end")
			}
			res.Body.Close()
			s.finish()
			want(t, s.called, "node", nothing)
		})
	}
}

func TestBodyClosedEarlyIsJudgedByTheStatus(t *testing.T) {
	for _, protocol := range protocols {
		for code, outcome := range map[int]outcome{200: success, 503: other} {
			t.Run(protocol+"/"+http.StatusText(code), func(t *testing.T) {
				s := newSite(t, protocol, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					w.WriteHeader(code)
					flush(w)
					<-r.Context().Done()
				}), httpwrap.Config{Name: fixed}, httpwrap.Config{Name: fixed})
				ctx, cancel := context.WithCancel(t.Context())
				req, err := http.NewRequestWithContext(ctx, "GET", s.URL, nil)
				if err != nil {
					t.Fatal(err)
				}
				res, err := s.client.Do(req)
				if err != nil {
					t.Fatal(err)
				}
				want(t, s.called, "node", nothing)
				cancel() // before Close, as a careless caller does it: a 503 is the server's all the same
				res.Body.Close()
				res.Body.Close()
				_, _ = res.Body.Read(make([]byte, 1))
				s.finish()
				want(t, s.called, "node", outcome)
			})
		}
	}
}

func TestReadsAndClosesThatOverlapRecordOnce(t *testing.T) {
	s := newSite(t, "HTTP/1.1", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		flush(w)
		<-r.Context().Done()
	}), httpwrap.Config{Name: fixed}, httpwrap.Config{Name: fixed})
	const requests = 20
	for range requests {
		res, err := s.client.Get(s.URL)
		if err != nil {
			t.Fatal(err)
		}
		var all sync.WaitGroup
		all.Go(func() { _, _ = io.ReadAll(res.Body) })
		all.Go(func() { res.Body.Close() })
		all.Go(func() { res.Body.Close() })
		all.Wait()
	}
	s.finish()
	want(t, s.called, "node", outcome{successes: requests})
}

func TestServerThatIsNotThereIsANetworkError(t *testing.T) {
	s := httptest.NewServer(nil)
	s.Close()
	m := newCollector(t)
	client := &http.Client{Transport: httpwrap.Transport(httpwrap.Config{Collector: m, Name: fixed}, nil)}
	if res, err := client.Get(s.URL); err == nil {
		res.Body.Close()
		t.Error("a server that was closed answered")
	}
	want(t, m, "node", network)
}

func TestRedirectIsTwoExecutions(t *testing.T) {
	m := newCollector(t)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/old" {
			http.Redirect(w, r, "/new", http.StatusFound)
		}
	}))
	defer s.Close()
	client := &http.Client{Transport: httpwrap.Transport(httpwrap.Config{Collector: m}, s.Client().Transport)}
	res, err := client.Get(s.URL + "/old")
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	want(t, m, "GET "+s.Listener.Addr().String(), outcome{successes: 2})
}

// slowBody is a body of three seconds, with an error at its end.
type slowBody struct {
	seconds int
	err     error
}

func (b *slowBody) Read(p []byte) (int, error) {
	if b.seconds == 3 {
		return 0, b.err
	}
	b.seconds++
	time.Sleep(time.Second)
	return copy(p, "s"), nil
}

func (*slowBody) Close() error { return nil }

func TestRequestTakesUntilItsBodyEnds(t *testing.T) {
	read := func(n int64) func(*http.Response) {
		return func(res *http.Response) {
			_, _ = io.CopyN(io.Discard, res.Body, n)
			res.Body.Close()
		}
	}
	for _, c := range []struct {
		name string
		body io.ReadCloser
		err  error
		use  func(*http.Response)
		want time.Duration
		as   outcome
	}{
		{"to its end", &slowBody{err: io.EOF}, nil, read(100), 13 * time.Second, success},
		{"to an error", &slowBody{err: io.ErrUnexpectedEOF}, nil, read(100), 13 * time.Second, network},
		{"closed early", &slowBody{err: io.EOF}, nil, read(2), 12 * time.Second, success},
		{"no body", http.NoBody, nil, func(*http.Response) {}, 10 * time.Second, success},
		{"nil body", nil, nil, func(*http.Response) {}, 10 * time.Second, success},
		{"error", nil, io.EOF, func(*http.Response) {}, 10 * time.Second, network},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := newCollector(t)
				rt := httpwrap.Transport(httpwrap.Config{Collector: m, Name: fixed}, roundTripper(func(*http.Request) (*http.Response, error) {
					time.Sleep(10 * time.Second)
					if c.err != nil {
						return nil, c.err
					}
					return &http.Response{StatusCode: 200, Body: c.body}, nil
				}))
				res, err := rt.RoundTrip(httptest.NewRequest("GET", "http://example.com/", nil))
				if err == nil {
					c.use(res)
				}
				want(t, m, "node", c.as)
				if d := m.NodeMetrics("node").TotalDuration; d != c.want || err != c.err {
					t.Errorf("took %v, error %v; want %v, %v", d, err, c.want, c.err)
				}
			})
		})
	}
}

func TestErrorIsRecordedAsTheClientWouldReportIt(t *testing.T) {
	var seen []error
	m, err := atomicmetrics.New(atomicmetrics.WithClassifier(func(err error) atomicmetrics.Category {
		seen = append(seen, err)
		return atomicmetrics.Classify(err)
	}))
	if err != nil {
		t.Fatal(err)
	}
	cause := errors.New("cause")
	rt := httpwrap.Transport(httpwrap.Config{Collector: m, Name: fixed}, roundTripper(func(*http.Request) (*http.Response, error) {
		return nil, cause
	}))
	if _, err := rt.RoundTrip(httptest.NewRequest("GET", "http://example.com/secret", nil)); err != cause {
		t.Errorf("returned %v, want the cause itself", err)
	}
	if len(seen) != 1 || !errors.Is(seen[0], cause) || strings.Contains(seen[0].Error(), "secret") ||
		seen[0].Error() != `GET "example.com": cause` {
		t.Errorf("recorded %v", seen)
	}
	want(t, m, "node", other)
}

func TestResponseWithoutABodyEndsWithItsHeader(t *testing.T) {
	for _, c := range []struct {
		name, method string
		handler      http.HandlerFunc
		want         outcome
	}{
		{"HEAD", "HEAD", func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Content-Length", "4") }, success},
		{"HEAD of unknown length", "HEAD", func(w http.ResponseWriter, _ *http.Request) { flush(w) }, success},
		{"204", "GET", status(204), success},
		{"304", "GET", status(304), success},
		{"empty 200", "GET", status(200), success},
		{"empty 500", "GET", status(500), other},
		{"204 that is flushed", "GET", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204); flush(w) }, success},
		{"200 of length 0 that is flushed", "GET", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "0")
			flush(w)
		}, success},
	} {
		for _, protocol := range protocols {
			t.Run(c.name+"/"+protocol, func(t *testing.T) {
				s := newSite(t, protocol, c.handler, httpwrap.Config{Name: fixed}, httpwrap.Config{Name: fixed})
				req, err := http.NewRequestWithContext(t.Context(), c.method, s.URL, nil)
				if err != nil {
					t.Fatal(err)
				}
				res, err := s.client.Do(req)
				if err != nil {
					t.Fatal(err)
				}
				want(t, s.called, "node", c.want) // before the body is read or closed
				res.Body.Close()
				s.finish()
				want(t, s.called, "node", c.want)
			})
		}
	}
}

func TestTransportThatReturnsNothingIsAFailure(t *testing.T) {
	m := newCollector(t)
	client := &http.Client{Transport: httpwrap.Transport(httpwrap.Config{Collector: m, Name: fixed},
		roundTripper(func(*http.Request) (*http.Response, error) { return nil, nil }))}
	if res, err := client.Get("http://example.com/"); err == nil || res != nil {
		t.Errorf("response %v, error %v; want an error of the client", res, err)
	}
	want(t, m, "node", other)
}

func TestRequestWithoutAURLOrAHost(t *testing.T) {
	for name, req := range map[string]*http.Request{
		"no URL":  {Method: "GET"},
		"no host": {Method: "GET", URL: &url.URL{Scheme: "http", Path: "/"}},
	} {
		t.Run(name, func(t *testing.T) {
			m := newCollector(t)
			if res, err := httpwrap.Transport(httpwrap.Config{Collector: m}, nil).RoundTrip(req); err == nil || res != nil {
				t.Errorf("response %v, error %v; want an error of the transport", res, err)
			}
			want(t, m, "GET (no host)", other)
		})
	}
}

func TestCauseOfADeadlineIsATimeout(t *testing.T) {
	for _, protocol := range protocols {
		for _, partly := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/in the body=%t", protocol, partly), func(t *testing.T) {
				s := newSite(t, protocol, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if partly {
						flush(w)
					}
					<-r.Context().Done()
				}), httpwrap.Config{Name: fixed}, httpwrap.Config{Name: fixed})
				ctx, cancel := context.WithTimeoutCause(t.Context(), 50*time.Millisecond, errors.New("too slow"))
				defer cancel()
				req, err := http.NewRequestWithContext(ctx, "GET", s.URL, nil)
				if err != nil {
					t.Fatal(err)
				}
				res, err := s.client.Do(req)
				if err == nil {
					_, err = io.ReadAll(res.Body)
					res.Body.Close()
				}
				if err == nil {
					t.Error("no error after the deadline")
				}
				s.finish()
				want(t, s.called, "node", timeout)
			})
		}
	}
}

// closable is a body that counts calls of Close.
type closable struct {
	io.Reader
	closed int
}

func (c *closable) Close() error { c.closed++; return io.ErrClosedPipe }

func TestCloseReachesTheBody(t *testing.T) {
	for name, ignore := range map[string]func(error) bool{
		"Ignore returns": func(error) bool { return true },
		"Ignore panics":  func(error) bool { panic("Ignore") },
	} {
		t.Run(name, func(t *testing.T) {
			below := &closable{Reader: strings.NewReader("body")}
			rt := httpwrap.Transport(httpwrap.Config{Collector: newCollector(t), Name: fixed, Ignore: ignore},
				roundTripper(func(*http.Request) (*http.Response, error) {
					return &http.Response{StatusCode: 500, Body: below}, nil
				}))
			res, err := rt.RoundTrip(httptest.NewRequest("GET", "http://example.com/", nil))
			if err != nil {
				t.Fatal(err)
			}
			func() {
				defer func() { _ = recover() }()
				if err := res.Body.Close(); err != io.ErrClosedPipe {
					t.Errorf("error %v, want that of the body", err)
				}
			}()
			if below.closed != 1 {
				t.Errorf("the body was closed %d times, want once", below.closed)
			}
		})
	}
}

// idle is a transport that counts calls of CloseIdleConnections.
type idle struct {
	http.RoundTripper
	closed int
}

func (i *idle) CloseIdleConnections() { i.closed++ }

func TestCloseIdleConnectionsReachesTheTransport(t *testing.T) {
	i := &idle{}
	for _, rt := range []http.RoundTripper{i, roundTripper(nil)} {
		client := http.Client{Transport: httpwrap.Transport(httpwrap.Config{Collector: newCollector(t)}, rt)}
		client.CloseIdleConnections()
	}
	if i.closed != 1 {
		t.Errorf("called %d times, want once", i.closed)
	}
}

func TestStatusErrorTellsTheStatus(t *testing.T) {
	if got := httpwrap.StatusError(504).Error(); got != "504 Gateway Timeout" {
		t.Errorf("%q", got)
	}
}

func TestRequestIsInFlightUntilItIsRecorded(t *testing.T) {
	m, err := atomicmetrics.New(atomicmetrics.WithInFlight())
	if err != nil {
		t.Fatal(err)
	}
	node := m.Node("node")
	running := func(want int) {
		t.Helper()
		if got := int(node.InFlight().Running); got != want {
			t.Errorf("%d in flight, want %d", got, want)
		}
	}
	rt := httpwrap.Transport(httpwrap.Config{Collector: m, Name: fixed}, roundTripper(func(r *http.Request) (*http.Response, error) {
		running(1)
		switch r.Method {
		case "POST":
			return nil, io.EOF
		case "PUT":
			panic("transport")
		}
		return &http.Response{StatusCode: 200, Body: io.NopCloser(strings.NewReader("body"))}, nil
	}))
	res, err := rt.RoundTrip(httptest.NewRequest("GET", "http://example.com/", nil))
	if err != nil {
		t.Fatal(err)
	}
	running(1)
	res.Body.Close()
	running(0)
	_, _ = rt.RoundTrip(httptest.NewRequest("POST", "http://example.com/", nil))
	running(0)
	func() {
		defer func() { _ = recover() }()
		_, _ = rt.RoundTrip(httptest.NewRequest("PUT", "http://example.com/", nil))
	}()
	running(0)
}
