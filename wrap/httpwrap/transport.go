package httpwrap

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/nodemetrics/nodemetrics/atomicmetrics"
)

// Transport returns next wrapped, so that every request made is recorded. Its
// time ends when the body of the response has been read to its end, has failed,
// or is closed. A nil next stands for http.DefaultTransport.
func Transport(cfg Config, next http.RoundTripper) http.RoundTripper {
	if next == nil {
		next = http.DefaultTransport
	}
	if cfg.Collector == nil {
		return next
	}
	if cfg.Name == nil {
		cfg.Name = clientName
	}
	return &transport{cfg, next}
}

type transport struct {
	cfg  Config
	next http.RoundTripper
}

// errNothing is the failure of a transport that returns nil and nil. Its caller
// makes an error of that, as http.Client does.
var errNothing = errors.New("the transport returned neither a response nor an error")

func (t *transport) RoundTrip(req *http.Request) (*http.Response, error) {
	name := t.cfg.Name(req)
	if name == "" {
		return t.next.RoundTrip(req)
	}
	node := t.cfg.Collector.Node(name)
	x := exchange{cfg: &t.cfg, req: req, node: node, timer: node.Start()}
	defer func() {
		if !x.judged {
			x.panicked(recover())
		}
	}()
	res, err := t.next.RoundTrip(req)
	switch {
	case err != nil:
		x.end(err)
	case res == nil:
		x.end(errNothing)
	case hasNoBody(req, res):
		x.status = res.StatusCode
		x.end(nil)
	default:
		x.status = res.StatusCode
		res.Body = &body{ReadCloser: res.Body, exchange: x}
		x.judged = true // by the body
	}
	return res, err
}

// hasNoBody reports whether a response ends with its header. The body of 101
// Switching Protocols is the connection, which stays as it is. By HTTP/2, an
// empty body is not http.NoBody.
func hasNoBody(req *http.Request, res *http.Response) bool {
	return res.Body == nil || res.Body == http.NoBody || bodiless(res.StatusCode) || req.Method == http.MethodHead ||
		res.ProtoMajor > 1 && res.ContentLength == 0
}

// CloseIdleConnections closes the idle connections of the transport below.
// http.Client calls it.
func (t *transport) CloseIdleConnections() {
	if c, ok := t.next.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}

// exchange is one request and its response.
type exchange struct {
	cfg    *Config
	req    *http.Request
	node   *atomicmetrics.Node
	timer  atomicmetrics.Timer
	took   time.Duration // after stop
	status int           // 0 if there is no response
	landed bool          // no longer in flight
	judged bool          // only the record remains, if there is to be a record
}

// stop ends the exchange in flight, once.
func (x *exchange) stop() {
	if !x.landed {
		x.landed, x.took = true, x.timer.Elapsed()
		x.timer.Discard()
	}
}

// end records the exchange. err is that of the transport; the status, which was
// there before, counts for more.
func (x *exchange) end(err error) {
	ctx := x.req.Context()
	x.stop() // before the user's functions, which may panic
	if err != nil {
		err = x.explain(ctx, err)
	}
	if x.status != 0 {
		if failure := x.cfg.failure(x.status); failure != nil {
			ctx, err = context.Background(), failure
		}
	}
	ignored := err != nil && (x.cfg.ignores(err) || ctx.Err() != nil && x.cfg.ignores(ctx.Err()))
	// before the record, which is made even if the classifier ends the
	// goroutine
	x.judged = true
	if ignored {
		x.node.RecordIgnored()
	} else {
		record(x.node, x.took, err)
	}
}

// panicked records a failure, after the transport, its body or a function of
// the Config has panicked with the value, or ended the goroutine. Its caller is
// deferred. The panic goes on from there, so the frames stay on the stack.
func (x *exchange) panicked(value any) {
	defer goOn(value)
	x.stop()
	x.node.RecordPanic(x.took, value)
}

// explain returns err as http.Client would return it, in a *url.Error. So the
// io.EOF of a server that hung up is an error of the network. In two cases
// explain is more precise than the transport.
func (x *exchange) explain(ctx context.Context, err error) error {
	if deadline, ok := ctx.Deadline(); ok && !time.Now().Before(deadline) && !errors.Is(err, context.DeadlineExceeded) {
		// When the Timeout of http.Client is over, the client cancels the
		// request in two ways. Only the first tells why.
		err = fmt.Errorf("%w: %w", context.DeadlineExceeded, err)
	}
	if reset := new(streamError); errors.As(err, reset) {
		err = atomicmetrics.Categorize(err, atomicmetrics.CategoryNetwork)
	}
	return &url.Error{Op: method(x.req), URL: host(x.req), Err: err}
}

// streamError is the stream error of HTTP/2 for errors.As. net/http does not
// export its own type, but errors.As converts it to every struct with these
// fields. The server, or a proxy on the way, has ended the stream.
type streamError struct {
	StreamID uint32
	Code     uint32
	Cause    error
}

func (streamError) Error() string { return "" }

// body is the body of a response that ends its exchange.
type body struct {
	io.ReadCloser
	exchange
	// Read or Close sets it and then records the exchange, because both may run
	// at once
	ended atomic.Bool
}

// Read ends the exchange if the read fails, panics or ends the goroutine.
func (b *body) Read(p []byte) (n int, err error) {
	returned := false
	defer func() {
		if !returned && b.ended.CompareAndSwap(false, true) {
			b.panicked(recover())
		}
	}()
	n, err = b.ReadCloser.Read(p)
	returned = true
	if err != nil {
		b.finish(err)
	}
	return n, err
}

// Close ends the exchange before it closes the body. So Close never records the
// error of a Read under way. Close closes the body even if Ignore panics.
func (b *body) Close() (err error) {
	defer func() { err = b.ReadCloser.Close() }()
	b.finish(io.EOF)
	return nil
}

// finish ends the exchange once, with the error that ended the body.
func (b *body) finish(err error) {
	if !b.ended.CompareAndSwap(false, true) {
		return
	}
	defer func() {
		if !b.judged {
			b.panicked(recover())
		}
	}()
	if err == io.EOF {
		err = nil
	}
	b.end(err)
}
