// Package httpwrap records the requests that net/http serves and makes: each is one execution of a node.
//
//	cfg := httpwrap.Config{Collector: metrics}
//	server := &http.Server{Handler: httpwrap.Handler(cfg, mux)}
//	client := &http.Client{Transport: httpwrap.Transport(cfg, nil)}
//
// # Names
//
// A request served is recorded under the route that http.ServeMux chose for it, "GET /items/{id}". The mux tells when it
// has matched, so the name is asked for when the request is over; and it tells in the request that it was given, so
// Handler goes around the mux or around the handlers in it, with nothing in between that puts a copy of the request in
// its place.
//
// A request made is recorded under method and host, "GET api.example.com", as there is no route on this side. The path
// of a URL is never a name by default: it has identifiers in it, and a name is kept for the life of its collector. Where
// hosts are not known beforehand either, as in a crawler, Config.Name should put them together; what still is too much
// goes to atomicmetrics.OverflowNode. A client that follows a redirect makes two requests, and they are two executions.
//
// No default name comes from what a client sends. A route that http.ServeMux
// only redirects to, by CONNECT, has no pattern.
//
// # What is recorded
//
//	a server's handler                          execution
//	returns, status below 500                   a success
//	returns, status 500 and above               a failure: 504 CategoryTimeout, 502 CategoryNetwork, else CategoryOther
//	returns or aborts, the client has gone      nothing; see below
//	writes after a http.TimeoutHandler outside
//	has answered                                a failure, CategoryTimeout
//	panics, http.ErrAbortHandler included,
//	or ends its goroutine                       a failure, CategoryOther
//	hijacks the connection and returns          a success
//
//	a client's request                          execution
//	status below 500, body read or closed       a success
//	status 500 and above, body read or closed   a failure, as above
//	fails, or its body does while it is read    a failure, by the classifier: a deadline or http.Client.Timeout is
//	                                            CategoryTimeout, a server that hangs up or resets CategoryNetwork
//	    and the caller has cancelled it         nothing
//	the next transport or its body panics       a failure, CategoryOther
//	the next transport returns nil and nil      a failure, CategoryOther
//
// Config.Failed makes failures of other statuses, of which 408 is CategoryTimeout, 400 and 422 are CategoryValidation;
// Config.Ignore decides what is left out. A status of 4xx is none by default: it tells the other side that its request
// was wrong. A panic goes on its way, with its value and stack.
//
// # Clients that have gone
//
// A client that has gone is no verdict on the handler. The handler may learn of
// it by the context, by a write that fails, or not at all. It may return, or
// panic with http.ErrAbortHandler. Two kinds of responses count all the same, if
// the handler decided on the status while the client was there. These are a
// failure, and a response that was written whole.
// Handler knows that a response was written whole if it has a Content-Length
// or no body. So a stream that its client ends is not recorded by default.
//
// The end of the request's context does not say that the client has gone. It
// also ends by a deadline, by the end of http.Server.BaseContext, by a read
// deadline that the handler sets, and by http.Server.WriteTimeout. The client
// then gets the response, or waits for it, and the status counts. Handler asks
// the server's writer for the reason, for at most some milliseconds and only
// after the context has ended. Three limits remain:
//
//   - By HTTP/1, a client that closes its half of the connection and waits
//     looks like one that has gone.
//   - So does, by HTTP/1, a client whose request body is late for
//     http.Server.ReadTimeout.
//   - If a wrapper outside Handler hides the server's writer, an ended context
//     without a cause of its own means that the client has gone.
//
// # Time
//
// A served request takes until its handler returns. That is for the whole of a stream, and for the whole of a connection
// that is hijacked if the handler stays with it. What is then still in a buffer is sent afterwards.
//
// A request made takes until its body ends. A body ends when the caller has read
// all of it, when a read fails, or when the caller closes it. So Transport
// measures a stream as a whole, and a stream that breaks is a failure. A
// response without a body ends with its header. Responses to HEAD, of 204, of
// 304 and of length 0 have no body. A response of 101 Switching Protocols ends
// with its header too, because its body is the connection.
//
// If the caller neither reads a body to its end nor closes it, Transport records
// nothing, and the connection stays in use. With atomicmetrics.WithInFlight a
// request made is in flight until its body ends, so such bodies show. A request
// served is never in flight, because its node is known only at the end.
//
// # What a handler may do
//
// What it could do before, other than HTTP/2 server push. http.ResponseController finds everything, deadlines and full
// duplex too. Some libraries assert an interface themselves. So the writer is a
// http.Flusher, a http.Hijacker and a http.CloseNotifier exactly if the server's
// writer is. io.Copy to it still has sendfile.
//
// # Performance
//
// A request costs two readings of the clock, a record by name, the name if it has to be put together, and one allocation
// for the writer or the body. BenchmarkHandler and BenchmarkTransport have the figures.
package httpwrap
