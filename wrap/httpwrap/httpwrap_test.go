package httpwrap_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/textproto"
	"runtime"
	"strings"
	"testing"

	"github.com/nodemetrics/nodemetrics/atomicmetrics"
	"github.com/nodemetrics/nodemetrics/wrap/httpwrap"
)

// status is a handler that answers with a status and nothing else.
func status(code int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
}

// flush sends what there is.
func flush(w http.ResponseWriter) {
	if err := http.NewResponseController(w).Flush(); err != nil {
		panic(err)
	}
}

func TestEachRequestIsRecordedOnceOnBothSides(t *testing.T) {
	badRequests := httpwrap.Config{Failed: func(status int) bool { return status >= 400 }}
	for _, c := range []struct {
		name           string
		cfg            httpwrap.Config
		handler        http.HandlerFunc
		status         int // 0: the client gets an error and no response
		served, called outcome
	}{
		{"nothing written", httpwrap.Config{}, func(http.ResponseWriter, *http.Request) {}, 200, success, success},
		{"body", httpwrap.Config{}, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "body") }, 200, success, success},
		{"201", httpwrap.Config{}, status(201), 201, success, success},
		{"204", httpwrap.Config{}, status(204), 204, success, success},
		{"body that is not allowed", httpwrap.Config{}, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(204)
			io.WriteString(w, "body")
		}, 204, success, success},
		{"302", httpwrap.Config{}, status(302), 302, success, success},
		{"304", httpwrap.Config{}, status(304), 304, success, success},
		{"400", httpwrap.Config{}, status(400), 400, success, success},
		{"408", httpwrap.Config{}, status(408), 408, success, success},
		{"499", httpwrap.Config{}, status(499), 499, success, success},
		{"500", httpwrap.Config{}, status(500), 500, other, other},
		{"502", httpwrap.Config{}, status(502), 502, network, network},
		{"503", httpwrap.Config{}, status(503), 503, other, other},
		{"504", httpwrap.Config{}, status(504), 504, timeout, timeout},
		{"400 is a failure", badRequests, status(400), 400, validation, validation},
		{"404 is a failure", badRequests, status(404), 404, other, other},
		{"408 is a failure", badRequests, status(408), 408, timeout, timeout},
		{"422 is a failure", badRequests, status(422), 422, validation, validation},
		{"500 with a body", httpwrap.Config{}, func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, "failed", 500)
		}, 500, other, other},
		{"early hints", httpwrap.Config{}, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(103)
			w.WriteHeader(103)
			w.WriteHeader(202)
		}, 202, success, success},
		{"early hints and 500", httpwrap.Config{}, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(103)
			w.WriteHeader(500)
		}, 500, other, other},
		{"early hints alone", httpwrap.Config{}, status(103), 200, success, success},
		{"status too late for a status", httpwrap.Config{}, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(200)
			w.WriteHeader(500)
		}, 200, success, success},
		{"status too late for Write", httpwrap.Config{}, func(w http.ResponseWriter, _ *http.Request) {
			w.Write([]byte("body"))
			w.WriteHeader(500)
		}, 200, success, success},
		{"status too late for WriteString", httpwrap.Config{}, func(w http.ResponseWriter, _ *http.Request) {
			io.WriteString(w, "body")
			w.WriteHeader(500)
		}, 200, success, success},
		{"status too late for io.Copy", httpwrap.Config{}, func(w http.ResponseWriter, _ *http.Request) {
			io.Copy(w, struct{ io.Reader }{strings.NewReader("body")}) // which has no WriteTo
			w.WriteHeader(500)
		}, 200, success, success},
		{"status too late for Flush", httpwrap.Config{}, func(w http.ResponseWriter, _ *http.Request) {
			w.(http.Flusher).Flush()
			w.WriteHeader(500)
		}, 200, success, success},
		{"status too late for a ResponseController", httpwrap.Config{}, func(w http.ResponseWriter, _ *http.Request) {
			flush(w)
			w.WriteHeader(500)
		}, 200, success, success},
		{"the first of two statuses", httpwrap.Config{}, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(500)
			w.WriteHeader(200)
		}, 500, other, other},
		{"no such status", httpwrap.Config{}, status(9), 0, other, network},
		{"panic", httpwrap.Config{}, func(http.ResponseWriter, *http.Request) { panic("handler") }, 0, other, network},
		{"abort", httpwrap.Config{}, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, 0, other, network},
		{"panic after a status", httpwrap.Config{}, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(503)
			panic("handler")
		}, 0, other, network},
		{"break in the middle of the body", httpwrap.Config{}, func(w http.ResponseWriter, _ *http.Request) {
			io.WriteString(w, "half a bo")
			flush(w)
			panic(http.ErrAbortHandler)
		}, 200, other, network},
		{"not recorded", httpwrap.Config{Name: func(*http.Request) string { return "" }}, status(500), 500, nothing, nothing},
		{"panic not recorded", httpwrap.Config{Name: func(*http.Request) string { return "" }},
			func(http.ResponseWriter, *http.Request) { panic("handler") }, 0, nothing, nothing},
		{"ignored", httpwrap.Config{Ignore: func(err error) bool { return err == httpwrap.StatusError(503) }}, status(503), 503,
			nothing, nothing},
	} {
		for _, protocol := range protocols {
			t.Run(c.name+"/"+protocol, func(t *testing.T) {
				if c.cfg.Name == nil {
					c.cfg.Name = fixed
				}
				s := newSite(t, protocol, c.handler, c.cfg, c.cfg)
				got, _, err := s.get("/")
				breaks := c.status == 0 || c.status == 200 && c.called == network
				if got != c.status || (err != nil) != breaks {
					t.Errorf("status %d, error %v; want %d, an error is %t", got, err, c.status, breaks)
				}
				s.finish()
				want(t, s.served, "node", c.served)
				want(t, s.called, "node", c.called)
			})
		}
	}
}

func TestEndOfTheGoroutineIsAFailure(t *testing.T) {
	m := newCollector(t)
	h := httpwrap.Handler(httpwrap.Config{Collector: m, Name: fixed},
		http.HandlerFunc(func(http.ResponseWriter, *http.Request) { runtime.Goexit() }))
	done := make(chan struct{})
	go func() {
		defer close(done)
		h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
	}()
	<-done
	want(t, m, "node", other)
}

func TestPanicGoesOnWithItsValue(t *testing.T) {
	m := newCollector(t)
	value := new(int)
	cfg := httpwrap.Config{Collector: m, Name: fixed}
	for name, call := range map[string]func(){
		"handler": func() {
			httpwrap.Handler(cfg, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(value) })).
				ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
		},
		"transport": func() {
			httpwrap.Transport(cfg, roundTripper(func(*http.Request) (*http.Response, error) { panic(value) })).
				RoundTrip(httptest.NewRequest("GET", "/", nil))
		},
	} {
		t.Run(name, func(t *testing.T) {
			m.Reset()
			defer func() {
				if p := recover(); p != value {
					t.Errorf("panicked with %v, want %v", p, value)
				}
				want(t, m, "node", other)
			}()
			call()
		})
	}
}

func TestPanicOfAUsersFunctionIsAFailure(t *testing.T) {
	cfg := httpwrap.Config{Name: fixed, Failed: func(int) bool { panic("Failed") }}
	for name, call := range map[string]func(){
		"handler": func() {
			httpwrap.Handler(cfg, status(200)).ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
		},
		"transport": func() {
			httpwrap.Transport(cfg, roundTripper(func(*http.Request) (*http.Response, error) {
				return &http.Response{StatusCode: 200, Body: http.NoBody}, nil
			})).RoundTrip(httptest.NewRequest("GET", "/", nil))
		},
	} {
		t.Run(name, func(t *testing.T) {
			cfg.Collector = newCollector(t)
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
				want(t, cfg.Collector, "node", other)
			}()
			call()
		})
	}
}

func TestClassifierThatEndsTheGoroutineCountsOnce(t *testing.T) {
	m, err := atomicmetrics.New(atomicmetrics.WithClassifier(func(error) atomicmetrics.Category {
		runtime.Goexit()
		return atomicmetrics.CategoryNetwork
	}))
	if err != nil {
		t.Fatal(err)
	}
	cfg := httpwrap.Config{Collector: m, Name: fixed}
	for _, call := range []func(){
		func() {
			httpwrap.Handler(cfg, status(500)).ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
		},
		func() {
			_, _ = httpwrap.Transport(cfg, roundTripper(func(*http.Request) (*http.Response, error) { return nil, io.EOF })).
				RoundTrip(httptest.NewRequest("GET", "/", nil))
		},
	} {
		m.Reset()
		done := make(chan struct{})
		go func() {
			defer close(done)
			call()
		}()
		<-done
		want(t, m, "node", other)
	}
}

func TestDefaultNames(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /items/{id}", status(200))
	mux.HandleFunc("/any/{rest...}", status(200))
	mux.HandleFunc("localhost/host", status(200))
	mux.HandleFunc("GET /panic/{id}", func(http.ResponseWriter, *http.Request) { panic("handler") })
	for _, c := range []struct{ method, target, served, called string }{
		{"GET", "http://127.0.0.1:8080/items/7", "GET /items/{id}", "GET 127.0.0.1:8080"},
		{"HEAD", "http://example.com/items/8?q=1", "GET /items/{id}", "HEAD example.com"},
		{"POST", "http://example.com/items/9", "POST (no pattern)", "POST example.com"},
		{"PATCH", "http://example.com/any/9", "PATCH /any/{rest...}", "PATCH example.com"},
		{"FIND", "http://example.com/any/9", "OTHER /any/{rest...}", "OTHER example.com"},
		{"FIND", "http://example.com/nowhere", "OTHER (no pattern)", "OTHER example.com"},
		{"GET", "http://localhost/host", "GET localhost/host", "GET localhost"},
		{"GET", "http://example.com/panic/1", "GET /panic/{id}", "GET example.com"},
	} {
		t.Run(c.method+" "+c.target, func(t *testing.T) {
			served, called := newCollector(t), newCollector(t)
			func() {
				defer func() { _ = recover() }()
				httpwrap.Handler(httpwrap.Config{Collector: served}, mux).
					ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(c.method, c.target, nil))
			}()
			client := httpwrap.Transport(httpwrap.Config{Collector: called}, roundTripper(func(*http.Request) (*http.Response, error) {
				return &http.Response{StatusCode: 200, Body: http.NoBody}, nil
			}))
			req := httptest.NewRequest(c.method, c.target, nil)
			if req.Method == "GET" {
				req.Method = "" // means GET, for a client
			}
			if _, err := client.RoundTrip(req); err != nil {
				t.Error(err)
			}
			if m := served.NodeMetrics(c.served); m.TotalExecutions != 1 {
				t.Errorf("served: %v, want one of %q", served, c.served)
			}
			if m := called.NodeMetrics(c.called); m.TotalExecutions != 1 {
				t.Errorf("called: %v, want one of %q", called, c.called)
			}
		})
	}
}

func TestClientChoosesNoNameByCONNECT(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("/items/{id}/", status(200))
	mux.HandleFunc("CONNECT /rooms/{id}/", status(200))
	mux.HandleFunc("/exact", status(200))
	for _, c := range []struct {
		target string
		class  int // of the status
		name   string
	}{
		{"/items/7", 3, "CONNECT (no pattern)"},
		{"/items/a%20b", 3, "CONNECT (no pattern)"},
		{"/items/..", 3, "CONNECT (no pattern)"},
		{"/rooms/7", 3, "CONNECT (no pattern)"},
		{"/items/7/", 2, "CONNECT /items/{id}/"},
		{"/items/7/x", 2, "CONNECT /items/{id}/"},
		{"/rooms/7/", 2, "CONNECT /rooms/{id}/"},
		{"/exact", 2, "CONNECT /exact"},
	} {
		t.Run(c.target, func(t *testing.T) {
			s := newSite(t, "HTTP/1.1", mux, httpwrap.Config{}, httpwrap.Config{})
			conn, err := net.Dial("tcp", s.Listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			fmt.Fprintf(conn, "CONNECT %s HTTP/1.1\r\nHost: here\r\n\r\n", c.target)
			res, err := http.ReadResponse(bufio.NewReader(conn), nil)
			if err != nil {
				t.Fatal(err)
			}
			res.Body.Close()
			if res.StatusCode/100 != c.class {
				t.Errorf("status %d, want %dxx", res.StatusCode, c.class)
			}
			s.finish()
			want(t, s.served, c.name, success)
		})
	}
}

func TestLastFailureSaysWhatAPanicWas(t *testing.T) {
	answer := func(*http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: 500, Body: io.NopCloser(strings.NewReader("body"))}, nil
	}
	ignore := func(error) bool { panic("Ignore") }
	failed := func(int) bool { panic("Failed") }
	serve := func(h http.HandlerFunc) func(httpwrap.Config) {
		return func(cfg httpwrap.Config) {
			httpwrap.Handler(cfg, h).ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
		}
	}
	// call makes a request and uses the response.
	call := func(rt roundTripper, use func(*http.Response)) func(httpwrap.Config) {
		return func(cfg httpwrap.Config) {
			res, err := httpwrap.Transport(cfg, rt).RoundTrip(httptest.NewRequest("GET", "http://example.com/", nil))
			if err != nil {
				t.Error(err)
				return
			}
			use(res)
		}
	}
	read := func(res *http.Response) { _, _ = io.ReadAll(res.Body) }
	closed := func(res *http.Response) { res.Body.Close() }
	broken := func(next func()) roundTripper {
		return func(*http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: 200, Body: io.NopCloser(reader(func([]byte) (int, error) { next(); return 0, nil }))}, nil
		}
	}
	for name, c := range map[string]struct {
		cfg  httpwrap.Config
		run  func(httpwrap.Config)
		text string
	}{
		"handler":             {httpwrap.Config{}, serve(func(http.ResponseWriter, *http.Request) { panic("boom") }), "panic: boom"},
		"handler aborts":      {httpwrap.Config{}, serve(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }), "panic: net/http: abort Handler"},
		"handler exits":       {httpwrap.Config{}, serve(func(http.ResponseWriter, *http.Request) { runtime.Goexit() }), "runtime.Goexit"},
		"handler, Ignore":     {httpwrap.Config{Ignore: ignore}, serve(status(500)), "panic: Ignore"},
		"handler, Failed":     {httpwrap.Config{Failed: failed}, serve(status(200)), "panic: Failed"},
		"transport":           {httpwrap.Config{}, call(func(*http.Request) (*http.Response, error) { panic("boom") }, nil), "panic: boom"},
		"transport exits":     {httpwrap.Config{}, call(func(*http.Request) (*http.Response, error) { runtime.Goexit(); return nil, nil }, nil), "runtime.Goexit"},
		"body read, Ignore":   {httpwrap.Config{Ignore: ignore}, call(answer, read), "panic: Ignore"},
		"body read, Failed":   {httpwrap.Config{Failed: failed}, call(answer, read), "panic: Failed"},
		"body closed, Ignore": {httpwrap.Config{Ignore: ignore}, call(answer, closed), "panic: Ignore"},
		"body closed, Failed": {httpwrap.Config{Failed: failed}, call(answer, closed), "panic: Failed"},
		"body panics":         {httpwrap.Config{}, call(broken(func() { panic("body") }), read), "panic: body"},
		"body exits":          {httpwrap.Config{}, call(broken(runtime.Goexit), read), "runtime.Goexit"},
	} {
		t.Run(name, func(t *testing.T) {
			m := atomicmetrics.MustNew(atomicmetrics.WithLastFailure(), atomicmetrics.WithInFlight())
			c.cfg.Collector, c.cfg.Name = m, fixed
			returned, value := false, any(nil)
			done := make(chan struct{})
			go func() {
				defer close(done)
				defer func() { value = recover() }()
				c.run(c.cfg)
				returned = true
			}()
			<-done
			if returned || value != nil && "panic: "+fmt.Sprint(value) != c.text || value == nil && c.text != "runtime.Goexit" {
				t.Errorf("returned is %t, panicked with %v; want %q", returned, value, c.text)
			}
			want(t, m, "node", other)
			if text := m.Node("node").LastFailure().Text; text != c.text {
				t.Errorf("the last failure says %q, want %q", text, c.text)
			}
			if running := m.Node("node").InFlight().Running; running != 0 {
				t.Errorf("%d executions still run", running)
			}
		})
	}
}

// exiting is a panic value whose text ends the goroutine.
type exiting struct{}

func (exiting) Error() string { runtime.Goexit(); return "" }

func TestAPanicWhoseTextEndsTheGoroutineGoesOn(t *testing.T) {
	req := httptest.NewRequest("GET", "http://x/", nil)
	for name, use := range map[string]func(httpwrap.Config){
		"transport": func(cfg httpwrap.Config) {
			next := roundTripper(func(*http.Request) (*http.Response, error) { panic(exiting{}) })
			httpwrap.Transport(cfg, next).RoundTrip(req)
		},
		"handler": func(cfg httpwrap.Config) {
			next := http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(exiting{}) })
			httpwrap.Handler(cfg, next).ServeHTTP(httptest.NewRecorder(), req)
		},
	} {
		m := atomicmetrics.MustNew(atomicmetrics.WithLastFailure(), atomicmetrics.WithInFlight())
		var value any
		done := make(chan struct{})
		go func() {
			defer close(done)
			defer func() { value = recover() }()
			use(httpwrap.Config{Collector: m, Name: fixed})
		}()
		<-done
		if _, same := value.(exiting); !same {
			t.Errorf("%s: panicked with %T", name, value)
		}
		want(t, m, "node", other)
		if running := m.Node("node").InFlight().Running; running != 0 {
			t.Errorf("%s: %d executions still run", name, running)
		}
	}
}

// TestIgnoreThatPanicsAboutAGoneClient is about the one question that is asked
// while a panic of the handler is under way.
func TestIgnoreThatPanicsAboutAGoneClient(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	m := newCollector(t)
	cfg := httpwrap.Config{Collector: m, Name: fixed, Ignore: func(error) bool { panic("Ignore") }}
	defer func() {
		if value := recover(); value != "Ignore" {
			t.Errorf("panicked with %v, want Ignore", value)
		}
		want(t, m, "node", other)
	}()
	httpwrap.Handler(cfg, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })).
		ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(ctx, "GET", "/", nil))
}

func TestNameThatPanicsIsAskedOnce(t *testing.T) {
	m, asked := newCollector(t), 0
	cfg := httpwrap.Config{Collector: m, Name: func(*http.Request) string { asked++; panic("Name") }}
	defer func() {
		if value := recover(); value != "Name" || asked != 1 {
			t.Errorf("panicked with %v, asked %d times", value, asked)
		}
		want(t, m, "", nothing)
	}()
	httpwrap.Handler(cfg, status(200)).ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
}

func TestNameInsideAMuxIsItsPattern(t *testing.T) {
	m := newCollector(t)
	mux := http.NewServeMux()
	mux.Handle("GET /items/{id}", httpwrap.Handler(httpwrap.Config{Collector: m}, status(200)))
	mux.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/items/7", nil))
	want(t, m, "GET /items/{id}", success)
}

func TestWithoutACollectorNothingIsWrapped(t *testing.T) {
	rt := roundTripper(func(*http.Request) (*http.Response, error) { return nil, fmt.Errorf("no") })
	if got := httpwrap.Transport(httpwrap.Config{}, &rt); got != http.RoundTripper(&rt) {
		t.Errorf("Transport returned %v", got)
	}
	mux := http.NewServeMux()
	if got := httpwrap.Handler(httpwrap.Config{}, mux); got != http.Handler(mux) {
		t.Errorf("Handler returned %v", got)
	}
	if httpwrap.Transport(httpwrap.Config{}, nil) != http.DefaultTransport || httpwrap.Handler(httpwrap.Config{}, nil) != http.Handler(http.DefaultServeMux) {
		t.Error("nil does not stand for the default of net/http")
	}
}

func TestEarlyHintsReachTheClient(t *testing.T) {
	for _, protocol := range protocols {
		t.Run(protocol, func(t *testing.T) {
			s := newSite(t, protocol, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Link", "</style.css>")
				w.WriteHeader(http.StatusEarlyHints)
				w.WriteHeader(http.StatusOK)
			}), httpwrap.Config{Name: fixed}, httpwrap.Config{Name: fixed})
			var hints []int
			req, err := http.NewRequestWithContext(httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{
				Got1xxResponse: func(code int, _ textproto.MIMEHeader) error { hints = append(hints, code); return nil },
			}), "GET", s.URL, nil)
			if err != nil {
				t.Fatal(err)
			}
			res, err := s.client.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			res.Body.Close()
			s.finish()
			if len(hints) != 1 || hints[0] != http.StatusEarlyHints || res.StatusCode != 200 || res.Proto != protocol {
				t.Errorf("hints %v, status %d, %s", hints, res.StatusCode, res.Proto)
			}
			want(t, s.served, "node", success)
			want(t, s.called, "node", success)
		})
	}
}

// roundTripper is a transport that is a function.
type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
