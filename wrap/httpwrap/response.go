package httpwrap

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"time"
)

// response is a ResponseWriter that notes the status and the size. It passes on
// everything that a http.ResponseController may ask for.
type response struct {
	http.ResponseWriter
	req      *http.Request
	status   int   // 0 until a status is decided
	reached  bool  // the client was there when the status was decided
	written  int64 // bytes of the body
	err      error // of the last write or flush that failed
	notifies bool  // the handler has asked for CloseNotify

	readDeadline time.Time // set by the handler
}

// A library may assert a http.Flusher to stream, a http.Hijacker to take over
// the connection, or a http.CloseNotifier. So the handler's writer is each of
// these exactly if the writer below is. There is a type for each combination. F
// flushes, H hijacks, N notifies.
type (
	writer    struct{ response }
	writerF   writer
	writerH   writer
	writerN   writer
	writerFH  writer
	writerFN  writer
	writerHN  writer
	writerFHN writer
)

func (w *writerF) Flush()   { _ = w.FlushError() }
func (w *writerFH) Flush()  { _ = w.FlushError() }
func (w *writerFN) Flush()  { _ = w.FlushError() }
func (w *writerFHN) Flush() { _ = w.FlushError() }

func (w *writerH) Hijack() (net.Conn, *bufio.ReadWriter, error)   { return w.hijack() }
func (w *writerFH) Hijack() (net.Conn, *bufio.ReadWriter, error)  { return w.hijack() }
func (w *writerHN) Hijack() (net.Conn, *bufio.ReadWriter, error)  { return w.hijack() }
func (w *writerFHN) Hijack() (net.Conn, *bufio.ReadWriter, error) { return w.hijack() }

func (w *writerN) CloseNotify() <-chan bool   { return w.closeNotify() }
func (w *writerFN) CloseNotify() <-chan bool  { return w.closeNotify() }
func (w *writerHN) CloseNotify() <-chan bool  { return w.closeNotify() }
func (w *writerFHN) CloseNotify() <-chan bool { return w.closeNotify() }

// closeNotifier is http.CloseNotifier, which is deprecated.
type closeNotifier interface{ CloseNotify() <-chan bool }

// watch returns a writer in the place of w, and its notes.
func watch(w http.ResponseWriter, r *http.Request) (http.ResponseWriter, *response) {
	all := &writer{response{ResponseWriter: w, req: r}}
	_, flushes := w.(http.Flusher)
	_, hijacks := w.(http.Hijacker)
	_, notifies := w.(closeNotifier)
	var as http.ResponseWriter = all
	switch {
	case flushes && hijacks && notifies:
		as = (*writerFHN)(all)
	case flushes && hijacks:
		as = (*writerFH)(all)
	case flushes && notifies:
		as = (*writerFN)(all)
	case hijacks && notifies:
		as = (*writerHN)(all)
	case flushes:
		as = (*writerF)(all)
	case hijacks:
		as = (*writerH)(all)
	case notifies:
		as = (*writerN)(all)
	}
	return as, &all.response
}

// final returns the status of the response, once the handler has returned. If
// the handler has written nothing, the server sends 200.
func (r *response) final() int {
	r.decide(http.StatusOK, r.there())
	return r.status
}

// there reports whether the request's context has not ended.
func (r *response) there() bool { return r.req.Context().Err() == nil }

// decide notes a status, and whether the client was there, unless a status has
// been noted before.
func (r *response) decide(status int, there bool) {
	if r.status == 0 {
		r.status, r.reached = status, there
	}
}

// complete reports whether the handler has written the whole response, as far
// as the server knows its length beforehand.
func (r *response) complete() bool {
	if r.req.Method == http.MethodHead || bodiless(r.status) {
		return true
	}
	length, err := strconv.ParseInt(r.Header().Get("Content-Length"), 10, 64)
	return err == nil && length == r.written
}

// bodiless reports whether a response with this status has no body.
func bodiless(status int) bool {
	return status < 200 || status == http.StatusNoContent || status == http.StatusNotModified
}

// Unwrap is for http.ResponseController.
func (r *response) Unwrap() http.ResponseWriter { return r.ResponseWriter }

// WriteHeader notes the status, unless it is informational. After 1xx the
// response is still to come, but 101 is the last.
func (r *response) WriteHeader(status int) {
	there := r.there()
	r.ResponseWriter.WriteHeader(status) // panics if there is no such status
	if status >= 200 || status == http.StatusSwitchingProtocols {
		r.decide(status, there)
	}
}

func (r *response) Write(p []byte) (int, error) {
	r.decide(http.StatusOK, r.there())
	n, err := r.ResponseWriter.Write(p)
	r.wrote(n, err)
	return n, err
}

// WriteString makes a copy of s only if the writer below needs one.
func (r *response) WriteString(s string) (int, error) {
	r.decide(http.StatusOK, r.there())
	n, err := io.WriteString(r.ResponseWriter, s)
	r.wrote(n, err)
	return n, err
}

// wrote notes the outcome of a write.
func (r *response) wrote(n int, err error) {
	r.written += int64(n)
	if err != nil {
		r.err = err
	}
}

// onlyWriter hides all methods but Write, so that io.Copy calls that.
type onlyWriter struct{ io.Writer }

// sniffed is how many bytes ReadFrom writes by Write. The server needs these
// bytes for the content type before it sends a file by the system's means.
const sniffed = 512

// ReadFrom lets io.Copy send a file by the system's means, if the writer below
// can. ReadFrom writes the first bytes by Write, so a source that fails before
// its first byte decides no status.
func (r *response) ReadFrom(src io.Reader) (n int64, err error) {
	below, ok := r.ResponseWriter.(io.ReaderFrom)
	if !ok {
		return io.Copy(onlyWriter{r}, src)
	}
	if r.status == 0 {
		if n, err = io.Copy(onlyWriter{r}, io.LimitReader(src, sniffed)); err != nil || n < sniffed {
			return n, err
		}
	}
	m, err := below.ReadFrom(src)
	r.written += m
	return n + m, err
}

// FlushError is for http.ResponseController. A flush that is not supported
// decides no status.
func (r *response) FlushError() error {
	there := r.there()
	err := http.NewResponseController(r.ResponseWriter).Flush()
	if !errors.Is(err, http.ErrNotSupported) {
		r.decide(http.StatusOK, there)
		r.wrote(0, err)
	}
	return err
}

// hijack notes a success. The server sends no status that comes afterwards.
func (r *response) hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, buf, err := http.NewResponseController(r.ResponseWriter).Hijack()
	if err == nil {
		r.decide(http.StatusOK, r.there())
	}
	return conn, buf, err
}

func (r *response) closeNotify() <-chan bool {
	r.notifies = true
	return r.ResponseWriter.(closeNotifier).CloseNotify()
}

// SetReadDeadline notes the deadline. By HTTP/1, a read that misses the
// deadline ends the request's context.
func (r *response) SetReadDeadline(deadline time.Time) error {
	r.readDeadline = deadline
	return http.NewResponseController(r.ResponseWriter).SetReadDeadline(deadline)
}

// SetWriteDeadline and EnableFullDuplex are for libraries that ask the writer
// and no http.ResponseController.
func (r *response) SetWriteDeadline(deadline time.Time) error {
	return http.NewResponseController(r.ResponseWriter).SetWriteDeadline(deadline)
}

func (r *response) EnableFullDuplex() error {
	return http.NewResponseController(r.ResponseWriter).EnableFullDuplex()
}

// mayBeGone reports whether the request's context has ended or the stream has
// refused a write. A stream of HTTP/2 may refuse a write just before its
// context ends.
func (r *response) mayBeGone() bool { return !r.there() || r.req.ProtoMajor > 1 && r.refused() }

// refused reports whether a write has failed for a reason that the handler may
// not have caused.
func (r *response) refused() bool {
	return r.err != nil && !errors.Is(r.err, http.ErrBodyNotAllowed) && !errors.Is(r.err, http.ErrContentLength) &&
		!errors.Is(r.err, http.ErrHandlerTimeout) && !errors.Is(r.err, os.ErrDeadlineExceeded)
}

// gone reports whether the request's context has ended because the client has
// gone. Further reasons are a deadline, the end of the server's BaseContext,
// and the server's own timeouts. The server does not tell the reason, so gone
// asks the connection. By HTTP/1, a client that has closed its half of the
// connection looks as if it had gone.
func (r *response) gone() bool {
	closed := r.streamClosed
	if r.req.ProtoMajor < 2 {
		closed = r.connClosed
	}
	// The server ends the context first. A little later it closes the stream,
	// or notices the failed read.
	for wait := 10 * time.Microsecond; ; wait *= 2 {
		switch context.Cause(r.req.Context()) {
		case context.Canceled: // the server ends the context without a cause
			if closed() {
				return true
			}
		case nil:
		default:
			return false
		}
		if wait > 5*time.Millisecond {
			return false
		}
		time.Sleep(wait)
	}
}

// streamClosed reports whether a stream of HTTP/2 is closed, and not by the
// server's WriteTimeout. If the writer does not tell, streamClosed returns
// true. Only a flush tells, and a flush would send a header that the handler
// has not decided.
func (r *response) streamClosed() bool {
	if r.status == 0 {
		return true
	}
	err := http.NewResponseController(r.ResponseWriter).Flush()
	return err != nil && !errors.Is(err, os.ErrDeadlineExceeded)
}

// connClosed reports whether a read or a write of a connection of HTTP/1 has
// failed, and not by a deadline. If the writer does not tell, connClosed
// returns true. It leaves the notice in the channel.
func (r *response) connClosed() bool {
	if err := net.Error(nil); errors.As(r.err, &err) {
		return !err.Timeout()
	}
	if !r.readDeadline.IsZero() && !time.Now().Before(r.readDeadline) {
		return false
	}
	n, ok := r.ResponseWriter.(closeNotifier)
	return !ok || r.notifies || len(n.CloseNotify()) > 0
}
