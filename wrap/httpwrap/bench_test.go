package httpwrap_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/nodemetrics/nodemetrics/wrap/httpwrap"
)

// nowhere is a ResponseWriter that does nothing.
type nowhere struct{}

func (nowhere) Header() http.Header         { return nil }
func (nowhere) Write(p []byte) (int, error) { return len(p), nil }
func (nowhere) WriteHeader(int)             {}
func (nowhere) Flush()                      {}

// BenchmarkHandler is a handler that does nothing but send a status, bare and recording.
func BenchmarkHandler(b *testing.B) {
	var bare http.Handler = status(http.StatusNoContent)
	r := httptest.NewRequest("GET", "/items/7", nil)
	r.Pattern = "GET /items/{id}"
	for _, c := range []struct {
		name    string
		handler http.Handler
	}{
		{"impl=bare", bare},
		{"impl=recording", httpwrap.Handler(httpwrap.Config{Collector: newCollector(b)}, bare)},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				c.handler.ServeHTTP(nowhere{}, r)
			}
		})
	}
}

// BenchmarkTransport is a request to a transport that does nothing, bare and recording, and the end of its body.
func BenchmarkTransport(b *testing.B) {
	bare := roundTripper(func(*http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: 200, Body: &slowBody{}}, nil
	})
	r := httptest.NewRequest("GET", "http://example.com/items/7", nil)
	for _, c := range []struct {
		name string
		rt   http.RoundTripper
	}{
		{"impl=bare", bare},
		{"impl=recording", httpwrap.Transport(httpwrap.Config{Collector: newCollector(b)}, bare)},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				res, err := c.rt.RoundTrip(r)
				if err != nil {
					b.Fatal(err)
				}
				res.Body.Close()
			}
		})
	}
}
