package httpwrap

import (
	"io"
	"net/http"
)

// response is a ResponseWriter that notices the status. What it does not do itself, http.ResponseController finds by
// Unwrap. It does by itself what may send the header: then a status that comes later is not the one that the client got.
type response struct {
	http.ResponseWriter
	status int // 0 until the header is sent
}

// Writers that have more methods than response has, because the writer below has them. Not everybody asks a
// http.ResponseController: there are libraries that stream, or take over the connection, if the writer itself is a
// http.Flusher or a http.Hijacker, and do without if it is not. So it is one exactly where the writer below is.
type (
	flusher  struct{ response }
	hijacker struct {
		response
		http.Hijacker
	}
	flushHijacker struct {
		flusher
		http.Hijacker
	}
)

// watch returns a writer in the place of w, and where it keeps the status.
func watch(w http.ResponseWriter) (http.ResponseWriter, *response) {
	_, flushes := w.(http.Flusher)
	hijack, hijacks := w.(http.Hijacker)
	switch {
	case flushes && hijacks:
		f := &flushHijacker{flusher{response{ResponseWriter: w}}, hijack}
		return f, &f.response
	case flushes:
		f := &flusher{response{ResponseWriter: w}}
		return f, &f.response
	case hijacks:
		h := &hijacker{response{ResponseWriter: w}, hijack}
		return h, &h.response
	}
	r := &response{ResponseWriter: w}
	return r, r
}

// final returns the status of the response, once the handler has returned: a handler that has written nothing sends 200.
func (r *response) final() int {
	r.sent(http.StatusOK)
	return r.status
}

// sent notes that the header is sent with a status, if it has not been before.
func (r *response) sent(status int) {
	if r.status == 0 {
		r.status = status
	}
}

// Unwrap is for http.ResponseController.
func (r *response) Unwrap() http.ResponseWriter { return r.ResponseWriter }

// WriteHeader notes the status, unless it is informational: after 1xx the response is still to come. 101 is the last.
func (r *response) WriteHeader(status int) {
	r.ResponseWriter.WriteHeader(status) // panics if there is no such status
	if status >= 200 || status == http.StatusSwitchingProtocols {
		r.sent(status)
	}
}

func (r *response) Write(p []byte) (int, error) {
	r.sent(http.StatusOK)
	return r.ResponseWriter.Write(p)
}

// WriteString makes a copy of s only where the writer below needs one.
func (r *response) WriteString(s string) (int, error) {
	r.sent(http.StatusOK)
	return io.WriteString(r.ResponseWriter, s)
}

// ReadFrom lets io.Copy send a file by the system's means, where the writer below can.
func (r *response) ReadFrom(src io.Reader) (int64, error) {
	r.sent(http.StatusOK)
	return io.Copy(r.ResponseWriter, src)
}

// FlushError is for http.ResponseController.
func (r *response) FlushError() error {
	r.sent(http.StatusOK)
	return http.NewResponseController(r.ResponseWriter).Flush()
}

// Flush is FlushError without the error.
func (f *flusher) Flush() { _ = f.FlushError() }
