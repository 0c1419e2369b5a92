package httpwrap_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nodemetrics/nodemetrics/atomicmetrics"
	"github.com/nodemetrics/nodemetrics/wrap/httpwrap"
)

// debugged returns a collector with a node whose name does harm where it can.
func debugged(t *testing.T) *atomicmetrics.Collector {
	c, err := atomicmetrics.New()
	if err != nil {
		t.Fatal(err)
	}
	c.RecordSuccess("fetch", 2*time.Millisecond)
	c.RecordSuccess("<script>alert(1)</script>\x1b[2J\r\nX: y\xff größe \u202e", time.Millisecond)
	return c
}

func get(t *testing.T, h http.Handler, method, url string, accept ...string) *http.Response {
	t.Helper()
	r := httptest.NewRequest(method, url, nil)
	for _, value := range accept {
		r.Header.Add("Accept", value)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

func bodyOf(t *testing.T, r *http.Response) []byte {
	t.Helper()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return body
}

func TestDebugAnswersInTheFormThatTheRequestAsksFor(t *testing.T) {
	h := httpwrap.Debug(debugged(t))
	const text, json = "text/plain; charset=utf-8", "application/json; charset=utf-8"
	for _, row := range []struct {
		query  string
		accept []string
		want   string
	}{
		{"", nil, text},
		{"", []string{""}, text},
		{"", []string{"*/*"}, text},
		{"", []string{"application/*"}, text},
		{"", []string{"text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"}, text},
		{"", []string{"application/json"}, json},
		{"", []string{"Application/JSON ; charset=utf-8"}, json},
		{"", []string{"application/json, text/plain, */*"}, json},
		{"", []string{"*/*", "application/json"}, json},
		{"", []string{"text/plain, application/json;q=0.5"}, text},
		{"", []string{"text/plain;q=0.4, application/json; Q = 0.5"}, json},
		{"", []string{"application/json;q=0"}, text},
		{"", []string{"application/json;q=much"}, text},
		{"", []string{"application/json;q=NaN"}, text},
		{"", []string{"application/jsonlines"}, text},
		{"?format=json", nil, json},
		{"?format=json", []string{"text/html"}, json},
		{"?a=b&format=text", []string{"application/json"}, text},
		{"?format=xml", []string{"application/json"}, json},
		{"?format=xml", nil, text},
		{"?%", nil, text},
	} {
		r := get(t, h, http.MethodGet, "/debug/nodes"+row.query, row.accept...)
		if got := r.Header.Get("Content-Type"); got != row.want || r.StatusCode != http.StatusOK {
			t.Errorf("%q, Accept %q: %d, %q, want %q", row.query, row.accept, r.StatusCode, got, row.want)
		}
	}
}

// The two bodies are those of the collector, and no name leaves its line.
func TestDebugAnswersWithTheTableAndTheJSON(t *testing.T) {
	c := debugged(t)
	server := httptest.NewServer(httpwrap.Debug(c))
	defer server.Close()
	for _, format := range []string{"text", "json"} {
		res, err := http.Get(server.URL + "?format=" + format)
		if err != nil {
			t.Fatal(err)
		}
		body := bodyOf(t, res)
		res.Body.Close()
		s := c.Snapshot()
		if format == "json" {
			parsed, err := atomicmetrics.ParseSnapshot(body)
			if err != nil || fmt.Sprint(parsed.Nodes) != fmt.Sprint(s.Nodes) {
				t.Errorf("%s: %v", body, err)
			}
		} else {
			var want bytes.Buffer
			if err := s.WriteTable(&want); err != nil || want.String() != string(body) || strings.Count(string(body), "\n") != 4 {
				t.Errorf("got\n%s\nwant\n%s", body, want.String())
			}
		}
		for _, bad := range []string{"\x1b", "\r", "\u202e", "\xff"} {
			if format == "text" && bytes.Contains(body, []byte(bad)) {
				t.Errorf("%q is in %q", bad, body)
			}
		}
		for name, want := range map[string]string{
			"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store", "Vary": "Accept", "X": "",
			"Content-Length": fmt.Sprint(len(body)),
		} {
			if got := res.Header.Get(name); got != want {
				t.Errorf("%s: header %s: %q, want %q", format, name, got, want)
			}
		}
	}
}

func TestDebugAnswersGetAndHeadAlone(t *testing.T) {
	h := httpwrap.Debug(debugged(t))
	for _, format := range []string{"text", "json"} {
		asked := get(t, h, http.MethodGet, "/?format="+format)
		head := get(t, h, http.MethodHead, "/?format="+format)
		// The times of two snapshots may differ in length.
		for _, res := range []*http.Response{asked, head} {
			if n, err := strconv.Atoi(res.Header.Get("Content-Length")); err != nil || n < 100 {
				t.Errorf("%s: %+v", format, res.Header)
			}
			res.Header.Del("Content-Length")
		}
		if len(bodyOf(t, head)) != 0 || fmt.Sprint(head.Header) != fmt.Sprint(asked.Header) || head.StatusCode != http.StatusOK {
			t.Errorf("%s: %+v, GET has %+v", format, head, asked)
		}
	}
	for _, method := range []string{"POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT", "TRACE", "get", "X"} {
		r := get(t, h, method, "/")
		if r.StatusCode != http.StatusMethodNotAllowed || r.Header.Get("Allow") != "GET, HEAD" ||
			r.Header.Get("X-Content-Type-Options") != "nosniff" || bytes.Contains(bodyOf(t, r), []byte("fetch")) {
			t.Errorf("%s: %+v", method, r)
		}
	}
}

func TestDebugOfANilCollectorIsEmpty(t *testing.T) {
	h := httpwrap.Debug(nil)
	if body := string(bodyOf(t, get(t, h, http.MethodGet, "/"))); body != "no node has recorded anything\n" {
		t.Errorf("%q", body)
	}
	if s, err := atomicmetrics.ParseSnapshot(bodyOf(t, get(t, h, http.MethodGet, "/?format=json"))); err != nil || len(s.Nodes) != 0 {
		t.Errorf("%+v, %v", s, err)
	}
}

// The collector's table on a debug port, as curl gets it.
func ExampleDebug() {
	metrics := atomicmetrics.MustNew()
	for range 3 {
		metrics.RecordSuccess("fetch", 2*time.Millisecond)
	}
	metrics.RecordFailureAs("parse", time.Millisecond, atomicmetrics.CategoryValidation)

	mux := http.NewServeMux()
	mux.Handle("/debug/nodes", httpwrap.Debug(metrics))
	server := httptest.NewServer(mux) // a program would listen on localhost
	defer server.Close()

	for _, query := range []string{"", "?format=json"} {
		res, err := http.Get(server.URL + "/debug/nodes" + query)
		if err != nil {
			fmt.Println(err)
			return
		}
		body, _ := io.ReadAll(res.Body)
		res.Body.Close()
		fmt.Println(res.Header.Get("Content-Type"))
		if query == "" {
			fmt.Printf("%s", body)
		} else {
			s, err := atomicmetrics.ParseSnapshot(body)
			fmt.Println(s.Nodes["fetch"].TotalExecutions, err)
		}
	}
	// Output:
	// text/plain; charset=utf-8
	//                                                                --- newest 100 ---
	// node   runs  failed timeout validation network other  retries  failed p50 p90 p99
	// parse     1       1       0          1       0     0        0    100% 1ms 1ms 1ms
	// fetch     3       0       0          0       0     0        0      0% 2ms 2ms 2ms
	// application/json; charset=utf-8
	// 3 <nil>
}
