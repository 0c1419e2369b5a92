// Package grpcwrap records the calls of google.golang.org/grpc that a server
// handles and that a client makes, by interceptors for unary calls and for
// streams.
//
//	cfg := grpcwrap.Config{Collector: metrics}
//	server := grpc.NewServer(
//		grpc.ChainUnaryInterceptor(grpcwrap.UnaryServerInterceptor(cfg)),
//		grpc.ChainStreamInterceptor(grpcwrap.StreamServerInterceptor(cfg)))
//	conn, err := grpc.NewClient(address,
//		grpc.WithChainUnaryInterceptor(grpcwrap.UnaryClientInterceptor(cfg)),
//		grpc.WithChainStreamInterceptor(grpcwrap.StreamClientInterceptor(cfg)))
//
// The package is a module of its own, so only its users depend on gRPC. Its
// tests call servers in other processes.
//
// # One execution
//
// Each run of a server's handler is one execution. Each call of a client is one
// execution, even if gRPC sends it several times. The node is the full method,
// such as "/helloworld.Greeter/SayHello". If a program serves and calls the
// same method, Config.Name should tell the two apart.
//
// A client's stream takes from its opening until gRPC ends it. gRPC ends a
// stream when a read returns an error or io.EOF, when the context ends, and
// when the connection is closed. So a stream that its caller abandons ends with
// its context. With atomicmetrics.WithInFlight a stream without a deadline that
// nobody reads stays in flight, because gRPC keeps it open.
//
// # A retry
//
// A retry policy of a service config repeats calls within gRPC. No interceptor
// of a client sees that. The server's interceptors see the repeats, because
// gRPC numbers the calls that it sends again. In the tests 300 calls of a
// client are 300 executions without a retry at the client. They are 394
// executions at the server, 94 of them retries.
//
// # What is recorded
//
//	how it ended                               the execution                 the retry
//	it returned no error                       a success                     its number, if any
//	it returned an error                       a failure, by Classify        the same
//	its deadline passed before a handler
//	    returned, with any result              a failure, CategoryTimeout    the same
//	Config.Ignore accepts the error            nothing                       nothing
//	its client canceled it before a handler
//	    returned, with any result              nothing, by the default of    nothing
//	                                           Config.Ignore
//	its caller canceled it at the client       the same                      none
//	its caller abandoned the client's stream   by the error of the context   none
//	it panicked or ended its goroutine,
//	    or Config.Ignore did                   a failure, CategoryOther      its number, if any
//
// If nothing is recorded, the call counts in [atomicmetrics.Snapshot.Ignored].
// A client records no retries.
//
// A panic goes on, with one exception. gRPC may end a client's stream on a
// goroutine of its own. If Config.Ignore panics then, the panic ends there.
//
// [Classify] judges an error by its code: DeadlineExceeded is CategoryTimeout,
// Unavailable is CategoryNetwork. InvalidArgument, OutOfRange and
// FailedPrecondition are CategoryValidation. Other codes are CategoryOther. A
// server's handler may return an error that atomicmetrics.Classify knows, such
// as a parse error. The server then records that category. gRPC sends such an
// error as Unknown, so the client records CategoryOther.
//
// # What is left out
//
// If gRPC answers without calling a handler, the server records nothing. It
// does so for an unknown method, and for a message that is too large.
//
// If a client's deadline passes, the client cancels the call, often just before
// the server's own deadline. So the server's interceptors compare the deadline
// with the clock when the handler returns. If the request was late to arrive,
// the cancellation may come long before the server's deadline. The server then
// records nothing, as after any cancellation.
//
// If an interceptor further in answers a client's stream by a stream of its
// own, gRPC does not tell its end. The stream is then never recorded.
package grpcwrap
