package httpwrap

import (
	"bytes"
	"net/http"
	"strconv"
	"strings"

	"github.com/nodemetrics/nodemetrics/atomicmetrics"
)

// Debug returns a handler for a debug port. It answers each request with a new
// snapshot of the collector. A nil collector has an empty one.
//
// The answer is the table of Snapshot.WriteTable as text/plain. It is the
// snapshot's JSON if the request has the query format=json. It is JSON too if
// the request's Accept header names application/json, and prefers no text type
// by a higher q. The query format=text asks for the table in spite of the
// header. A wildcard in the header asks for nothing, so browsers and curl get
// the table.
//
// Methods other than GET and HEAD get the status 405. The answer is UTF-8, says
// so, and forbids browsers to guess another type. The table and the JSON escape
// characters of names that could harm a terminal or a browser. Caches keep no
// answer.
//
// The handler asks for no password. Names of nodes and texts of failures may
// say much, so the program should serve them where only operators can read
// them. If the collector was made with atomicmetrics.WithIdleForget, a request
// forgets idle nodes, as every snapshot does.
func Debug(c *atomicmetrics.Collector) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header := w.Header()
		header.Set("X-Content-Type-Options", "nosniff")
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			header.Set("Allow", "GET, HEAD")
			http.Error(w, "the method is not GET or HEAD", http.StatusMethodNotAllowed)
			return
		}
		header.Set("Cache-Control", "no-store")
		header.Set("Vary", "Accept")
		var body []byte
		if wantsJSON(r) {
			data, err := c.Snapshot().MarshalJSON()
			if err != nil { // the clock's year has not four digits
				http.Error(w, err.Error(), http.StatusInternalServerError)
				return
			}
			header.Set("Content-Type", "application/json; charset=utf-8")
			body = append(data, '\n')
		} else {
			var table bytes.Buffer
			_ = c.Snapshot().WriteTable(&table) // A Buffer returns no error.
			header.Set("Content-Type", "text/plain; charset=utf-8")
			body = table.Bytes()
		}
		header.Set("Content-Length", strconv.Itoa(len(body)))
		if r.Method == http.MethodGet {
			_, _ = w.Write(body) // The client may have gone.
		}
	})
}

// wantsJSON reports whether the request asks for JSON.
func wantsJSON(r *http.Request) bool {
	switch r.URL.Query().Get("format") {
	case "json":
		return true
	case "text":
		return false
	}
	var json, text float64
	for _, values := range r.Header.Values("Accept") {
		for value := range strings.SplitSeq(values, ",") {
			mediaType, parameters, _ := strings.Cut(value, ";")
			mediaType = strings.ToLower(strings.TrimSpace(mediaType))
			switch quality := quality(parameters); {
			case mediaType == "application/json":
				json = max(json, quality)
			case strings.HasPrefix(mediaType, "text/"):
				text = max(text, quality)
			}
		}
	}
	return json > 0 && json >= text
}

// quality returns the q among the parameters of a media type. It is 1 if there
// is none, and 0 if it is no number.
func quality(parameters string) float64 {
	for parameter := range strings.SplitSeq(parameters, ";") {
		name, value, _ := strings.Cut(parameter, "=")
		if strings.EqualFold(strings.TrimSpace(name), "q") {
			q, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
			if err != nil || !(q >= 0) {
				return 0
			}
			return q
		}
	}
	return 1
}
