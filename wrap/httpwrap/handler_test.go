package httpwrap_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nodemetrics/nodemetrics/atomicmetrics"
	"github.com/nodemetrics/nodemetrics/wrap/httpwrap"
)

func TestResponseStreams(t *testing.T) {
	for _, protocol := range protocols {
		for name, flush := range map[string]func(http.ResponseWriter){
			"controller": flush,
			"assertion":  func(w http.ResponseWriter) { w.(http.Flusher).Flush() },
		} {
			t.Run(name+"/"+protocol, func(t *testing.T) {
				read := make(chan struct{}) // the client has read a line: the next may be written
				s := newSite(t, protocol, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
					for i := range 3 {
						fmt.Fprintln(w, "line", i)
						flush(w)
						<-read
					}
				}), httpwrap.Config{Name: fixed}, httpwrap.Config{Name: fixed})
				res, err := s.client.Get(s.URL)
				if err != nil {
					t.Fatal(err)
				}
				lines := bufio.NewScanner(res.Body)
				for i := range 3 {
					if want := fmt.Sprint("line ", i); !lines.Scan() || lines.Text() != want {
						t.Fatalf("read %q, error %v; want %q", lines.Text(), lines.Err(), want)
					}
					want(t, s.served, "node", nothing)
					want(t, s.called, "node", nothing)
					read <- struct{}{}
				}
				if lines.Scan() || lines.Err() != nil {
					t.Errorf("read %q, error %v after the end", lines.Text(), lines.Err())
				}
				want(t, s.called, "node", success)
				res.Body.Close()
				s.finish()
				want(t, s.called, "node", success)
				want(t, s.served, "node", success)
			})
		}
	}
}

func TestConnectionIsHijacked(t *testing.T) {
	for name, hijack := range map[string]func(http.ResponseWriter) (net.Conn, *bufio.ReadWriter, error){
		"controller": func(w http.ResponseWriter) (net.Conn, *bufio.ReadWriter, error) {
			return http.NewResponseController(w).Hijack()
		},
		"assertion": func(w http.ResponseWriter) (net.Conn, *bufio.ReadWriter, error) { return w.(http.Hijacker).Hijack() },
	} {
		for _, panics := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/panics=%t", name, panics), func(t *testing.T) {
				served, called := newCollector(t), newCollector(t)
				echo := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
					conn, buf, err := hijack(w)
					if err != nil {
						t.Error(err)
						return
					}
					defer conn.Close()
					io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
					line, err := buf.ReadString('\n')
					if err != nil {
						t.Error(err)
					}
					io.WriteString(conn, strings.ToUpper(line))
					if panics {
						panic(http.ErrAbortHandler)
					}
				})
				done := make(chan struct{}) // the server does not wait for connections that it no longer has
				recording := httpwrap.Handler(httpwrap.Config{Collector: served, Name: fixed}, echo)
				s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					defer close(done)
					recording.ServeHTTP(w, r)
				}))
				defer s.Close()
				client := &http.Client{Transport: httpwrap.Transport(httpwrap.Config{Collector: called, Name: fixed}, s.Client().Transport)}
				req, err := http.NewRequestWithContext(t.Context(), "GET", s.URL, nil)
				if err != nil {
					t.Fatal(err)
				}
				req.Header.Set("Connection", "Upgrade")
				req.Header.Set("Upgrade", "echo")
				res, err := client.Do(req)
				if err != nil {
					t.Fatal(err)
				}
				want(t, called, "node", success) // the switch ends the request
				conn, ok := res.Body.(io.ReadWriteCloser)
				if !ok || res.StatusCode != http.StatusSwitchingProtocols {
					t.Fatalf("status %d, the body is a %T", res.StatusCode, res.Body)
				}
				io.WriteString(conn, "hello\n")
				answer, err := io.ReadAll(conn)
				if string(answer) != "HELLO\n" || err != nil {
					t.Errorf("answer %q, error %v", answer, err)
				}
				conn.Close()
				<-done
				want(t, called, "node", success)
				if panics {
					want(t, served, "node", other)
				} else {
					want(t, served, "node", success)
				}
			})
		}
	}
}

func TestResponseControllerFindsDeadlinesAndFullDuplex(t *testing.T) {
	for _, protocol := range protocols {
		t.Run(protocol, func(t *testing.T) {
			body, end := io.Pipe() // a request that does not end by itself
			s := newSite(t, protocol, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				defer end.Close()
				control := http.NewResponseController(w)
				past := time.Unix(1, 0)
				if err := control.EnableFullDuplex(); err != nil && protocol == "HTTP/1.1" {
					t.Error("EnableFullDuplex:", err)
				}
				if err := control.SetReadDeadline(past); err != nil {
					t.Error("SetReadDeadline:", err)
					return // the body would never end
				}
				if _, err := io.ReadAll(r.Body); !errors.Is(err, os.ErrDeadlineExceeded) {
					t.Errorf("reading after the deadline: %v", err)
				}
				if err := control.SetWriteDeadline(past); err != nil {
					t.Error("SetWriteDeadline:", err)
				}
				_, _ = w.Write(make([]byte, 1<<16))
				if err := control.Flush(); err == nil {
					t.Error("no error of a flush after the deadline")
				}
			}), httpwrap.Config{Name: fixed}, httpwrap.Config{Name: fixed})
			if res, err := s.client.Post(s.URL, "text/plain", body); err == nil {
				res.Body.Close()
				t.Error("a response came after the deadline for it")
			}
			s.finish()
			want(t, s.served, "node", success)
			want(t, s.called, "node", network)
		})
	}
}

// Writers of all kinds, such as other wrappers have.
type (
	plainWriter       struct{ http.ResponseWriter }
	flushWriter       struct{ plainWriter }
	hijackWriter      struct{ plainWriter }
	bothWriter        struct{ flushWriter }
	notifyWriter      struct{ plainWriter }
	flushNotifyWriter struct {
		flushWriter
		notify
	}
	hijackNotifyWriter struct {
		hijackWriter
		notify
	}
	allWriter struct {
		bothWriter
		notify
	}
	notify        struct{}
	countedWriter struct {
		bothWriter
		copied *int
	}
)

// notice is a channel that CloseNotify returns.
var notice = make(chan bool)

func (notify) CloseNotify() <-chan bool       { return notice }
func (notifyWriter) CloseNotify() <-chan bool { return notice }

func (flushWriter) Flush() {}
func (hijackWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return nil, nil, errors.New("taken")
}
func (bothWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) { return nil, nil, errors.New("taken") }
func (w countedWriter) ReadFrom(src io.Reader) (n int64, err error) {
	*w.copied++
	return io.Copy(w.ResponseWriter, src)
}

func TestWriterIsWhatTheOneBelowIs(t *testing.T) {
	plain := plainWriter{httptest.NewRecorder()}
	copied := 0
	for _, w := range []http.ResponseWriter{
		plain, flushWriter{plain}, hijackWriter{plain}, bothWriter{flushWriter{plain}}, notifyWriter{plain},
		flushNotifyWriter{flushWriter: flushWriter{plain}}, hijackNotifyWriter{hijackWriter: hijackWriter{plain}},
		allWriter{bothWriter: bothWriter{flushWriter{plain}}},
		countedWriter{bothWriter{flushWriter{plain}}, &copied},
	} {
		t.Run(fmt.Sprintf("%T", w), func(t *testing.T) {
			m := newCollector(t)
			httpwrap.Handler(httpwrap.Config{Collector: m, Name: fixed}, http.HandlerFunc(func(got http.ResponseWriter, _ *http.Request) {
				_, wantFlush := w.(http.Flusher)
				if flusher, ok := got.(http.Flusher); ok != wantFlush {
					t.Errorf("http.Flusher: %t, want %t", ok, wantFlush)
				} else if ok {
					flusher.Flush()
				}
				if err := http.NewResponseController(got).Flush(); errors.Is(err, http.ErrNotSupported) == wantFlush {
					t.Errorf("error of a flush: %v", err)
				}
				_, wantHijack := w.(http.Hijacker)
				if hijacker, ok := got.(http.Hijacker); ok != wantHijack {
					t.Errorf("http.Hijacker: %t, want %t", ok, wantHijack)
				} else if ok {
					if _, _, err := hijacker.Hijack(); err == nil || err.Error() != "taken" {
						t.Errorf("error of a hijack: %v", err)
					}
				}
				type closeNotifier interface{ CloseNotify() <-chan bool }
				_, wantNotify := w.(closeNotifier)
				if notifier, ok := got.(closeNotifier); ok != wantNotify {
					t.Errorf("http.CloseNotifier: %t, want %t", ok, wantNotify)
				} else if ok && notifier.CloseNotify() != notice {
					t.Error("CloseNotify does not return the channel of the writer below")
				}
				if _, err := io.Copy(got, struct{ io.Reader }{strings.NewReader("a file")}); err != nil {
					t.Error(err)
				}
			})).ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
			want(t, m, "node", success)
		})
	}
	if copied != 1 {
		t.Errorf("ReadFrom of the writer below was called %d times, want once", copied)
	}
}

// methodsOf returns the names of the exported methods of a writer, but for
// those of HTTP/2 push.
func methodsOf(w http.ResponseWriter) map[string]bool {
	names := make(map[string]bool)
	for i := range reflect.TypeOf(w).NumMethod() {
		if name := reflect.TypeOf(w).Method(i).Name; name != "Push" {
			names[name] = true
		}
	}
	return names
}

func TestWriterHasTheMethodsOfTheServers(t *testing.T) {
	for _, protocol := range protocols {
		t.Run(protocol, func(t *testing.T) {
			var below, got map[string]bool
			s := newSite(t, protocol, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				got = methodsOf(w)
				below = methodsOf(w.(interface{ Unwrap() http.ResponseWriter }).Unwrap())
			}), httpwrap.Config{Name: fixed}, httpwrap.Config{Name: fixed})
			if status, _, err := s.get("/"); status != 200 || err != nil {
				t.Errorf("status %d, error %v", status, err)
			}
			s.finish()
			if !below["CloseNotify"] {
				t.Errorf("the server's writer has the methods %v", below)
			}
			for name := range below {
				if !got[name] {
					t.Errorf("the handler's writer has no method %s", name)
				}
			}
		})
	}
}

func TestHandlerIsToldOfAClosedConnection(t *testing.T) {
	for _, protocol := range protocols {
		t.Run(protocol, func(t *testing.T) {
			here := make(chan struct{})
			s := newSite(t, protocol, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				notice := w.(interface{ CloseNotify() <-chan bool }).CloseNotify()
				close(here)
				<-notice // received here, so the recorder finds it no more
				w.WriteHeader(500)
			}), httpwrap.Config{Name: fixed}, httpwrap.Config{Name: fixed})
			ctx, cancel := context.WithCancel(t.Context())
			req, err := http.NewRequestWithContext(ctx, "GET", s.URL, nil)
			if err != nil {
				t.Fatal(err)
			}
			go func() { <-here; cancel() }()
			if res, err := s.client.Do(req); !errors.Is(err, context.Canceled) {
				t.Errorf("response %v, error %v", res, err)
			}
			s.finish()
			want(t, s.served, "node", nothing)
		})
	}
}

func TestClientThatHasGone(t *testing.T) {
	nobody := func(error) bool { return false }
	for _, c := range []struct {
		name    string
		ignore  func(error) bool
		handler http.HandlerFunc
		want    outcome
	}{
		{"500", nil, status(500), nothing},
		{"500, nothing ignored", nobody, status(500), other},
		{"200", nil, status(200), nothing},
		{"200, nothing ignored", nobody, status(200), success},
		{"nothing written", nil, func(http.ResponseWriter, *http.Request) {}, nothing},
		{"abort", nil, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, nothing},
		{"abort, nothing ignored", nobody, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, other},
		{"panic", nil, func(http.ResponseWriter, *http.Request) { panic("handler") }, other},
	} {
		for _, protocol := range protocols {
			t.Run(c.name+"/"+protocol, func(t *testing.T) {
				here := make(chan struct{})
				s := newSite(t, protocol, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					close(here)
					<-r.Context().Done() // the server sees that the client has gone
					c.handler(w, r)
				}), httpwrap.Config{Name: fixed, Ignore: c.ignore}, httpwrap.Config{Name: fixed, Ignore: c.ignore})
				ctx, cancel := context.WithCancel(t.Context())
				req, err := http.NewRequestWithContext(ctx, "GET", s.URL, nil)
				if err != nil {
					t.Fatal(err)
				}
				go func() { <-here; cancel() }()
				if res, err := s.client.Do(req); !errors.Is(err, context.Canceled) {
					t.Errorf("response %v, error %v", res, err)
				}
				s.finish()
				want(t, s.served, "node", c.want)
				if c.ignore != nil {
					want(t, s.called, "node", other)
				} else {
					want(t, s.called, "node", nothing)
				}
				for _, m := range []*atomicmetrics.Collector{s.served, s.called} {
					if n := m.Node("node"); n.Ignored()+n.Metrics().TotalExecutions != 1 {
						t.Errorf("%d ignored requests, and %+v", n.Ignored(), n.Metrics())
					}
				}
			})
		}
	}
}

func TestClientLeavesADownload(t *testing.T) {
	// endless writes until the writer refuses.
	endless := func(w http.ResponseWriter) {
		for {
			if _, err := w.Write(make([]byte, 1<<16)); err != nil {
				return
			}
		}
	}
	source := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { endless(w) }))
	defer source.Close()
	target, err := url.Parse(source.URL)
	if err != nil {
		t.Fatal(err)
	}
	proxy := &httputil.ReverseProxy{
		Rewrite:  func(r *httputil.ProxyRequest) { r.SetURL(target) },
		ErrorLog: log.New(io.Discard, "", 0),
	}
	for name, handler := range map[string]http.Handler{
		"a write fails": http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { endless(w) }),
		"the context ends": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			flush(w)
			<-r.Context().Done()
		}),
		"a write fails, 500 follows": http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			endless(w)
			http.Error(w, "the client has gone", 500)
		}),
		"ReverseProxy": proxy,
	} {
		for _, protocol := range protocols {
			t.Run(name+"/"+protocol, func(t *testing.T) {
				s := newSite(t, protocol, handler, httpwrap.Config{Name: fixed}, httpwrap.Config{Name: fixed})
				res, err := s.client.Get(s.URL)
				if err != nil {
					t.Fatal(err)
				}
				res.Body.Close()
				s.finish()
				want(t, s.served, "node", nothing)
				want(t, s.called, "node", success)
			})
		}
	}
}

// TestResponseThatWasCompleteBeforeTheClientLeft is about clients that leave
// while the handler still does something else.
func TestResponseThatWasCompleteBeforeTheClientLeft(t *testing.T) {
	for _, c := range []struct {
		name, method string
		status       int
		length, body string
		want         outcome
	}{
		{"500", "GET", 500, "", "", other},
		{"504 of some length", "GET", 504, "", "timeout", timeout},
		{"204", "GET", 204, "", "", success},
		{"304", "GET", 304, "", "", success},
		{"HEAD", "HEAD", 200, "4", "", success},
		{"200 of known length", "GET", 200, "4", "body", success},
		{"half of 200 of known length", "GET", 200, "8", "body", nothing},
		{"200 of unknown length", "GET", 200, "", "body", nothing},
	} {
		for _, protocol := range protocols {
			t.Run(c.name+"/"+protocol, func(t *testing.T) {
				s := newSite(t, protocol, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if c.length != "" {
						w.Header().Set("Content-Length", c.length)
					}
					w.WriteHeader(c.status)
					if c.body != "" {
						io.WriteString(w, c.body)
					}
					_ = http.NewResponseController(w).Flush() // fails if that was the end of the stream
					<-r.Context().Done()
				}), httpwrap.Config{Name: fixed}, httpwrap.Config{Name: fixed})
				req, err := http.NewRequestWithContext(t.Context(), c.method, s.URL, nil)
				if err != nil {
					t.Fatal(err)
				}
				res, err := s.client.Do(req)
				if err != nil {
					t.Fatal(err)
				}
				if _, err := io.ReadFull(res.Body, make([]byte, len(c.body))); err != nil || res.StatusCode != c.status {
					t.Errorf("status %d, error %v", res.StatusCode, err)
				}
				res.Body.Close()
				s.CloseClientConnections()
				s.finish()
				want(t, s.served, "node", c.want)
			})
		}
	}
}

// TestContextThatEndsBesideAClient is about ends of the request's context while
// the client waits for the response, which it gets.
func TestContextThatEndsBesideAClient(t *testing.T) {
	const limit = 30 * time.Millisecond
	answer := func(code int) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			<-r.Context().Done()
			http.Error(w, "called off", code)
		}
	}
	readDeadline := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := http.NewResponseController(w).SetReadDeadline(time.Now().Add(limit)); err != nil {
			t.Error(err)
		}
		answer(504)(w, r)
	})
	shutdown := func(cause error) func(*http.Server) {
		return func(server *http.Server) {
			ctx, cancel := context.WithCancelCause(context.Background())
			server.BaseContext = func(net.Listener) context.Context { return ctx }
			next := server.Handler
			server.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				cancel(cause)
				next.ServeHTTP(w, r)
			})
		}
	}
	http2 := protocols[1:]
	for _, c := range []struct {
		name      string
		protocols []string
		setUp     func(*http.Server)
		handler   http.Handler
		status    int // 0: the server breaks the response off
		want      outcome
	}{
		{"read deadline", protocols[:1], func(*http.Server) {}, readDeadline, 504, timeout},
		{"WriteTimeout", http2, func(s *http.Server) { s.WriteTimeout = limit }, answer(500), 0, other},
		{"BaseContext", protocols, shutdown(nil), answer(503), 503, other},
		{"BaseContext, 200", protocols, shutdown(nil), answer(200), 200, success},
		{"BaseContext with a cause", protocols, shutdown(errors.New("shutdown")), answer(503), 503, other},
		{"BaseContext, abort", protocols, shutdown(nil), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			io.WriteString(w, "half a bo")
			flush(w)
			<-r.Context().Done()
			panic(http.ErrAbortHandler)
		}), 200, other},
	} {
		for _, protocol := range c.protocols {
			t.Run(c.name+"/"+protocol, func(t *testing.T) {
				s := newSite(t, protocol, c.handler, httpwrap.Config{Name: fixed}, httpwrap.Config{Name: fixed}, c.setUp)
				if got, _, err := s.get("/"); got != c.status || c.status == 0 && err == nil {
					t.Errorf("status %d, error %v; want %d", got, err, c.status)
				}
				s.handlers.Wait() // while the connection is there
				s.finish()
				want(t, s.served, "node", c.want)
			})
		}
	}
}

// TestClientThatClosesItsHalf pins a limit that the documentation states.
func TestClientThatClosesItsHalf(t *testing.T) {
	s := newSite(t, "HTTP/1.1", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		<-r.Context().Done()
		w.WriteHeader(500)
	}), httpwrap.Config{Name: fixed}, httpwrap.Config{Name: fixed})
	conn, err := net.Dial("tcp", s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	io.WriteString(conn, "GET / HTTP/1.1\r\nHost: here\r\n\r\n")
	if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(conn).ReadString('\n'); line != "HTTP/1.1 500 Internal Server Error\r\n" {
		t.Errorf("read %q, error %v", line, err)
	}
	s.finish()
	want(t, s.served, "node", nothing)
}

// TestWriterThatTellsNothingOfTheConnection is about a wrapper around the
// server's writer. The ended context alone speaks for a client that has gone.
func TestWriterThatTellsNothingOfTheConnection(t *testing.T) {
	for _, protocol := range []int{1, 2} {
		m := newCollector(t)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		r := httptest.NewRequestWithContext(ctx, "GET", "/", nil)
		r.ProtoMajor = protocol
		httpwrap.Handler(httpwrap.Config{Collector: m, Name: fixed}, status(500)).ServeHTTP(plainWriter{httptest.NewRecorder()}, r)
		want(t, m, "node", nothing)
	}
}

// reader is an io.Reader that is a function.
type reader func([]byte) (int, error)

func (f reader) Read(p []byte) (int, error) { return f(p) }

func TestStatusIsNotedWhenItIsSent(t *testing.T) {
	copied := func(src func() io.Reader) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			defer func() {
				if recover() != nil {
					http.Error(w, "the source panicked", 500)
				}
			}()
			if n, err := io.Copy(w, src()); n == 0 || err != nil {
				http.Error(w, "the source failed", 500)
			}
		}
	}
	// part is a source of n bytes that then goes on as by next.
	part := func(n int64, next func() (int, error)) func() io.Reader {
		return func() io.Reader {
			return io.MultiReader(io.LimitReader(reader(func(p []byte) (int, error) { return len(p), nil }), n),
				reader(func([]byte) (int, error) { return next() }))
		}
	}
	fails := func() (int, error) { return 0, errors.New("source") }
	panics := func() (int, error) { panic("source") }
	ends := func() (int, error) { return 0, io.EOF }
	for _, c := range []struct {
		name      string
		protocols []string
		handler   http.Handler
		status    int
		want      outcome
	}{
		{"source fails at once", protocols, copied(part(0, fails)), 500, other},
		{"source is empty", protocols, copied(part(0, ends)), 500, other},
		{"source panics at once", protocols, copied(part(0, panics)), 500, other},
		{"source fails after a byte", protocols, copied(part(1, fails)), 200, success},
		{"source fails late", protocols, copied(part(1<<16, fails)), 200, success},
		{"source panics late", protocols, copied(part(1<<16, panics)), 200, success},
		{"status before the source fails", protocols, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(202)
			copied(part(0, fails))(w, r)
		}), 202, success},
		{"connection is hijacked", protocols[:1], http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			conn, _, err := w.(http.Hijacker).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			defer conn.Close()
			io.WriteString(conn, "HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n")
			http.Error(w, "which nobody gets", 500)
		}), 202, success},
	} {
		for _, protocol := range c.protocols {
			t.Run(c.name+"/"+protocol, func(t *testing.T) {
				s := newSite(t, protocol, c.handler, httpwrap.Config{Name: fixed}, httpwrap.Config{Name: fixed})
				if got, _, _ := s.get("/"); got != c.status {
					t.Errorf("status %d, want %d", got, c.status)
				}
				s.finish()
				want(t, s.served, "node", c.want)
			})
		}
	}
}

func TestFlushThatIsNotSupportedDecidesNoStatus(t *testing.T) {
	m := newCollector(t)
	recording := httpwrap.Handler(httpwrap.Config{Collector: m, Name: fixed}, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if err := http.NewResponseController(w).Flush(); !errors.Is(err, http.ErrNotSupported) {
			t.Errorf("error of the flush: %v", err)
		}
		http.Error(w, "cannot stream", 500)
	}))
	w := httptest.NewRecorder()
	http.TimeoutHandler(recording, time.Minute, "late").ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	if w.Code != 500 {
		t.Errorf("status %d, want 500", w.Code)
	}
	want(t, m, "node", other)
}

func TestServedRequestTakesUntilTheHandlerReturns(t *testing.T) {
	for name, panics := range map[string]bool{"returns": false, "panics": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := newCollector(t)
				h := httpwrap.Handler(httpwrap.Config{Collector: m, Name: fixed}, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
					w.WriteHeader(200)
					time.Sleep(time.Minute)
					if panics {
						panic("handler")
					}
				}))
				func() {
					defer func() { _ = recover() }()
					h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
				}()
				if d := m.NodeMetrics("node").LastExecution; d != time.Minute {
					t.Errorf("took %v, want a minute", d)
				}
			})
		})
	}
}

func TestTimeoutHandlerOutside(t *testing.T) {
	m := newCollector(t)
	done := make(chan struct{})
	recording := httpwrap.Handler(httpwrap.Config{Collector: m, Name: fixed}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		<-r.Context().Done()
		w.WriteHeader(http.StatusGatewayTimeout)
	}))
	w := httptest.NewRecorder()
	http.TimeoutHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer close(done)
		recording.ServeHTTP(w, r)
	}), time.Nanosecond, "late").ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	<-done
	if w.Code != http.StatusServiceUnavailable {
		t.Errorf("status %d, want 503 of the TimeoutHandler", w.Code)
	}
	want(t, m, "node", timeout)
}

func TestResponseAfterATimeoutHandlersIsATimeout(t *testing.T) {
	for name, handler := range map[string]http.HandlerFunc{
		"200": func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "done") },
		"500": func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "failed", 500) },
		"io.Copy": func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.Copy(w, reader(func(p []byte) (int, error) { return len(p), nil }))
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := newCollector(t)
				recording := httpwrap.Handler(httpwrap.Config{Collector: m, Name: fixed},
					http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
						time.Sleep(time.Minute) // whatever the context says
						handler(w, r)
					}))
				w := httptest.NewRecorder()
				http.TimeoutHandler(recording, time.Second, "late").ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
				if w.Code != http.StatusServiceUnavailable {
					t.Errorf("status %d, want 503 of the TimeoutHandler", w.Code)
				}
				time.Sleep(time.Hour) // until the handler has returned
				want(t, m, "node", timeout)
			})
		})
	}
}

func TestReverseProxyBetweenTwoRecorders(t *testing.T) {
	for _, c := range []struct {
		name                 string
		handler              http.HandlerFunc
		status               int
		proxy, proxied, back outcome // the proxy's handler, its transport, the server behind it
	}{
		{"200", status(200), 200, success, success, success},
		{"504", status(504), 504, timeout, timeout, timeout},
		{"abort", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, 502, network, network, other},
		{"abort in the body", func(w http.ResponseWriter, _ *http.Request) {
			io.WriteString(w, "half a bo")
			flush(w)
			panic(http.ErrAbortHandler)
		}, 200, other, network, other},
	} {
		t.Run(c.name, func(t *testing.T) {
			back := newSite(t, "HTTP/1.1", c.handler, httpwrap.Config{Name: fixed}, httpwrap.Config{Name: fixed})
			target, err := url.Parse(back.URL)
			if err != nil {
				t.Fatal(err)
			}
			proxy := &httputil.ReverseProxy{
				Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(target) },
				Transport: back.client.Transport,
				ErrorLog:  log.New(io.Discard, "", 0),
			}
			front := newSite(t, "HTTP/2.0", proxy, httpwrap.Config{Name: fixed}, httpwrap.Config{Name: fixed})
			if got, _, _ := front.get("/"); got != c.status {
				t.Errorf("status %d, want %d", got, c.status)
			}
			front.finish()
			back.finish()
			want(t, back.served, "node", c.back)
			want(t, back.called, "node", c.proxied)
			want(t, front.served, "node", c.proxy)
		})
	}
}
