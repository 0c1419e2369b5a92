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
	"strings"
	"testing"
	"testing/synctest"
	"time"

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
	plainWriter   struct{ http.ResponseWriter }
	flushWriter   struct{ plainWriter }
	hijackWriter  struct{ plainWriter }
	bothWriter    struct{ flushWriter }
	countedWriter struct {
		bothWriter
		copied *int
	}
)

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
		plain, flushWriter{plain}, hijackWriter{plain}, bothWriter{flushWriter{plain}},
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
		{"200", nil, status(200), success},
		{"panic", nil, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, other},
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
			})
		}
	}
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
