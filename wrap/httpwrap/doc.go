// Package httpwrap records the requests that net/http serves and makes. Each
// request is one execution of a node.
//
//	cfg := httpwrap.Config{Collector: metrics}
//	server := &http.Server{Handler: httpwrap.Handler(cfg, mux)}
//	client := &http.Client{Transport: httpwrap.Transport(cfg, nil)}
//
// # One execution
//
// Each request that a server handles is one execution, and so is each request
// that a client makes. A client that follows a redirect makes two requests.
//
// Handler records a request under the route that http.ServeMux chose, such as
// "GET /items/{id}". The mux sets the route in the request that it was given.
// So Handler asks for the name when the request is over. Handler goes around
// the mux, or around a handler in the mux. No handler in between may pass on a
// copy of the request.
//
// Transport records a request under method and host, such as "GET
// api.example.com", because a client has no routes. By default the path of a
// URL is never part of a name. Paths have identifiers in them, and a collector
// keeps each name until the program forgets it. If the hosts are not known
// beforehand, as in a crawler, Config.Name should group them. Names beyond the
// collector's limit go to atomicmetrics.OverflowNode.
//
// No default name comes from text that a client sends. A route that
// http.ServeMux only redirects to, by CONNECT, has no pattern.
//
// # A retry
//
// The package records no retries. If a program repeats a request, each request
// is an execution. If a program wants one execution with retries, it calls its
// client in a function of package wrap.
//
// # What is recorded
//
//	how it ended, at a server                  the execution                 the retry
//	it returned, status below 500              a success                     none
//	it returned, status 500 and above          a failure: 504 is             none
//	                                           CategoryTimeout, 502 is
//	                                           CategoryNetwork, the rest is
//	                                           CategoryOther
//	it returned or aborted, and the client
//	    has gone                               nothing, with two exceptions  none
//	it wrote after a http.TimeoutHandler
//	    outside had answered                   a failure, CategoryTimeout    none
//	it hijacked the connection and returned    a success                     none
//	it panicked, by http.ErrAbortHandler too,
//	    or ended its goroutine                 a failure, CategoryOther      none
//
//	how it ended, at a client                  the execution                 the retry
//	status below 500, body read or closed      a success                     none
//	status 500 and above, body read or closed  a failure, as at a server     none
//	it failed, or its body did while it was    a failure, by the classifier  none
//	    read
//	    by a deadline or http.Client.Timeout   a failure, CategoryTimeout    none
//	    as the server hung up or reset         a failure, CategoryNetwork    none
//	    and the caller has canceled it         nothing                       none
//	the next transport returned nil and nil    a failure, CategoryOther      none
//	the next transport or its body panicked    a failure, CategoryOther      none
//
// If nothing is recorded, the request counts in [atomicmetrics.Snapshot.Ignored].
//
// Config.Failed may make failures of more statuses. Of these 408 is
// CategoryTimeout, and 400 and 422 are CategoryValidation. Config.Ignore
// decides which failures are left out. By default a status of 4xx is no
// failure, because it says that the request was wrong. A panic goes on its way,
// with its value and stack.
//
// # What is left out
//
// A client that has gone is no verdict on the handler. The handler may learn
// this by the context, by a write that fails, or not at all. It may return, or
// panic with http.ErrAbortHandler. If the handler decided on the status while
// the client was there, two kinds of responses count all the same. These are
// failures, and responses that were written whole. Handler knows that a
// response is whole only if the response has a Content-Length or no body. So a
// stream that its client ends is not recorded by default.
//
// The end of the request's context does not say that the client has gone. Four
// more events end the context. These are a deadline, the end of
// http.Server.BaseContext, a read deadline that the handler sets, and
// http.Server.WriteTimeout. Then the client gets the response or waits for it,
// and the status counts. After the context has ended, Handler asks the server's
// writer for the reason, for at most some milliseconds. Three limits remain:
//
//   - By HTTP/1, a client that closes its half of the connection and waits
//     looks as if it had gone.
//   - By HTTP/1, so does a client that sends its request body too late for
//     http.Server.ReadTimeout.
//   - A wrapper outside Handler may hide the server's writer. Then an ended
//     context without a cause of its own means that the client has gone.
//
// # Time
//
// A served request takes until its handler returns. So Handler measures a
// stream as a whole. It measures a hijacked connection as a whole if the
// handler stays with it. The server may send buffered bytes later.
//
// A request made takes until its body ends. A body ends when the caller has
// read all of it, when a read fails, or when the caller closes it. So Transport
// measures a stream as a whole, and a stream that breaks is a failure. A
// response without a body ends with its header. Responses to HEAD, of 204, of
// 304 and of length 0 have no body. A response of 101 Switching Protocols ends
// with its header too, because its body is the connection.
//
// If the caller neither reads a body to its end nor closes the body, Transport
// records nothing, and the connection stays in use. With
// atomicmetrics.WithInFlight a request made is in flight until its body ends,
// so such bodies show. A request served is never in flight, because its node is
// known only at the end.
//
// # What a handler may do
//
// The writer can do everything that the server's writer can, but HTTP/2 server
// push. http.ResponseController finds deadlines and full duplex too. Some
// libraries assert an interface themselves. So the writer is a http.Flusher, a
// http.Hijacker and a http.CloseNotifier exactly if the server's writer is.
// io.Copy to the writer still uses sendfile.
//
// # A debug port
//
// Debug is a handler that shows a collector. Its answer is a table for people,
// or the JSON of a snapshot:
//
//	mux.Handle("/debug/nodes", httpwrap.Debug(metrics))
//
// # Performance
//
// A request costs two readings of the clock, a record by name, and one
// allocation for the writer or the body. Some names have to be put together,
// which costs another allocation. BenchmarkHandler and BenchmarkTransport have
// the figures.
package httpwrap
