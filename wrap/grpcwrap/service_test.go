package grpcwrap_test

import (
	"context"
	"errors"
	"io"
	"strconv"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/nodemetrics/nodemetrics/atomicmetrics"
)

const service = "/test.Outcomes/"

// outcome is what a node should have recorded.
type outcome struct{ successes, timeouts, network, validation, other uint64 }

var (
	success    = outcome{successes: 1}
	timeout    = outcome{timeouts: 1}
	network    = outcome{network: 1}
	validation = outcome{validation: 1}
	other      = outcome{other: 1}
	nothing    = outcome{}
)

func (o outcome) times(n uint64) outcome {
	return outcome{o.successes * n, o.timeouts * n, o.network * n, o.validation * n, o.other * n}
}

func read(m atomicmetrics.NodeMetrics) outcome {
	return outcome{m.SuccessCount, m.TimeoutErrors, m.NetworkErrors, m.ValidationErrors, m.OtherErrors}
}

// scenario is a method, and what one call of it is.
type scenario struct {
	handle         func(context.Context) error          // of a unary method
	stream         func(grpc.ServerStream) error        // of a stream
	call           func(*grpc.ClientConn, string) error // nil: unary, without a deadline
	late           bool                                 // the handler returns when nobody waits any more
	client, server outcome
	code           codes.Code // of the client's call
}

// returns is a handler that returns err.
func returns(err error) func(context.Context) error {
	return func(context.Context) error { return err }
}

func code(c codes.Code) func(context.Context) error { return returns(status.Error(c, "on purpose")) }

// limit is the deadline of calls that are to miss it. The calls of a scenario
// run at once.
const limit = 500 * time.Millisecond

// messages is a stream's handler that sends n messages and returns what end
// returns.
func messages(n int, end func(context.Context) error) func(grpc.ServerStream) error {
	return func(stream grpc.ServerStream) error {
		for range n {
			if err := stream.SendMsg(wrapperspb.Int64(1)); err != nil {
				return err
			}
		}
		return end(stream.Context())
	}
}

// canceled is the end of a handler that waits for its client to cancel.
func canceled(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }

var _, errSyntax = strconv.Atoi("x")

var scenarios = map[string]scenario{
	"ok":           {handle: returns(nil), client: success, server: success},
	"invalid":      {handle: code(codes.InvalidArgument), client: validation, server: validation, code: codes.InvalidArgument},
	"outOfRange":   {handle: code(codes.OutOfRange), client: validation, server: validation, code: codes.OutOfRange},
	"precondition": {handle: code(codes.FailedPrecondition), client: validation, server: validation, code: codes.FailedPrecondition},
	"unavailable":  {handle: code(codes.Unavailable), client: network, server: network, code: codes.Unavailable},
	"deadlineCode": {handle: code(codes.DeadlineExceeded), client: timeout, server: timeout, code: codes.DeadlineExceeded},
	"notFound":     {handle: code(codes.NotFound), client: other, server: other, code: codes.NotFound},
	"plain":        {handle: returns(errors.New("plain")), client: other, server: other, code: codes.Unknown},
	"syntax":       {handle: returns(errSyntax), client: other, server: validation, code: codes.Unknown},
	"ownCancel":    {handle: code(codes.Canceled), client: nothing, server: nothing, code: codes.Canceled},
	"ownDeadline":  {handle: returns(context.DeadlineExceeded), client: timeout, server: timeout, code: codes.DeadlineExceeded},
	"panics":       {handle: func(context.Context) error { panic("handler") }, client: other, server: other, code: codes.Internal},
	"late":         {handle: returns(nil), late: true, call: deadline(unary), client: timeout, server: timeout, code: codes.DeadlineExceeded},
	"lateError":    {handle: returns(errSyntax), late: true, call: deadline(unary), client: timeout, server: timeout, code: codes.DeadlineExceeded},
	"unknown":      {client: other, server: nothing, code: codes.Unimplemented},

	"stream":         {stream: messages(3, returns(nil)), call: forever(toEnd), client: success, server: success},
	"streamError":    {stream: messages(1, code(codes.Internal)), call: forever(toEnd), client: other, server: other, code: codes.Internal},
	"streamPanics":   {stream: messages(1, func(context.Context) error { panic("stream") }), call: forever(toEnd), client: other, server: other, code: codes.Internal},
	"streamLate":     {stream: messages(1, returns(nil)), late: true, call: deadline(toEnd), client: timeout, server: timeout, code: codes.DeadlineExceeded},
	"upload":         {stream: drain, call: forever(upload), client: success, server: success},
	"chat":           {stream: echo, call: forever(chat), client: success, server: success},
	"streamCanceled": {stream: messages(1, canceled), call: inPart, client: nothing, server: nothing, code: codes.Canceled},
	"abandoned":      {stream: messages(1, returns(nil)), late: true, call: abandoned, client: timeout, server: timeout, code: codes.DeadlineExceeded},
}

// drain is a handler that reads all messages and sends one.
func drain(stream grpc.ServerStream) error {
	for {
		switch err := stream.RecvMsg(new(wrapperspb.Int64Value)); err {
		case nil:
		case io.EOF:
			return stream.SendMsg(wrapperspb.Int64(1))
		default:
			return err
		}
	}
}

// echo is a handler that sends what it reads.
func echo(stream grpc.ServerStream) error {
	for message := new(wrapperspb.Int64Value); ; {
		if err := stream.RecvMsg(message); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		if err := stream.SendMsg(message); err != nil {
			return err
		}
	}
}

type caller = func(context.Context, *grpc.ClientConn, string) error

func forever(call caller) func(*grpc.ClientConn, string) error {
	return func(cc *grpc.ClientConn, method string) error { return call(context.Background(), cc, method) }
}

func deadline(call caller) func(*grpc.ClientConn, string) error {
	return func(cc *grpc.ClientConn, method string) error {
		ctx, stop := context.WithTimeout(context.Background(), limit)
		defer stop()
		return call(ctx, cc, method)
	}
}

func unary(ctx context.Context, cc *grpc.ClientConn, method string) error {
	return cc.Invoke(ctx, method, wrapperspb.Int64(0), new(wrapperspb.Int64Value))
}

// open opens a stream of a method.
func open(ctx context.Context, cc *grpc.ClientConn, method string) (grpc.ClientStream, error) {
	return cc.NewStream(ctx, &grpc.StreamDesc{
		ServerStreams: method != service+"upload",
		ClientStreams: method == service+"upload" || method == service+"chat",
	}, method)
}

// toEnd reads a server's stream to its end.
func toEnd(ctx context.Context, cc *grpc.ClientConn, method string) error {
	stream, err := open(ctx, cc, method)
	if err == nil {
		err = stream.SendMsg(wrapperspb.Int64(0))
	}
	for err == nil {
		err = stream.RecvMsg(new(wrapperspb.Int64Value))
	}
	if err == io.EOF {
		return nil
	}
	return err
}

// upload sends three messages and reads one.
func upload(ctx context.Context, cc *grpc.ClientConn, method string) error {
	stream, err := open(ctx, cc, method)
	for range 3 {
		if err == nil {
			err = stream.SendMsg(wrapperspb.Int64(1))
		}
	}
	if err == nil {
		err = stream.CloseSend()
	}
	if err == nil {
		err = stream.RecvMsg(new(wrapperspb.Int64Value))
	}
	return err
}

// chat sends and reads three messages in turn.
func chat(ctx context.Context, cc *grpc.ClientConn, method string) error {
	stream, err := open(ctx, cc, method)
	for range 3 {
		if err == nil {
			err = stream.SendMsg(wrapperspb.Int64(1))
		}
		if err == nil {
			err = stream.RecvMsg(new(wrapperspb.Int64Value))
		}
	}
	if err == nil {
		err = stream.CloseSend()
	}
	if err == nil {
		if err = stream.RecvMsg(new(wrapperspb.Int64Value)); err == io.EOF {
			err = nil
		}
	}
	return err
}

// inPart reads one message of a stream and cancels it.
func inPart(cc *grpc.ClientConn, method string) error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	stream, err := open(ctx, cc, method)
	if err == nil {
		err = stream.SendMsg(wrapperspb.Int64(0))
	}
	if err == nil {
		err = stream.RecvMsg(new(wrapperspb.Int64Value))
	}
	cancel()
	if err == nil {
		err = stream.RecvMsg(new(wrapperspb.Int64Value))
	}
	return err
}

// abandoned reads nothing of a stream. It returns the error that gRPC ended the
// stream with.
func abandoned(cc *grpc.ClientConn, method string) error {
	ctx, stop := context.WithTimeout(context.Background(), limit)
	defer stop()
	ended := make(chan error, 2)
	stream, err := cc.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true}, method,
		grpc.OnFinish(func(err error) { ended <- err }))
	if err == nil {
		err = stream.SendMsg(wrapperspb.Int64(0))
	}
	if err != nil {
		return err
	}
	return <-ended
}

// backend is behind a server.
type backend struct {
	closing chan struct{} // closed when all clients have their results
	mu      sync.Mutex
	by      map[string]uint64 // handlers that ran, by method
}

func newBackend() *backend { return &backend{closing: make(chan struct{}), by: map[string]uint64{}} }

// run runs a handler of a method. If it is to be late, run returns after the
// deadline, when the client has its result.
func (b *backend) run(ctx context.Context, name string, handle func() error) error {
	b.mu.Lock()
	b.by[name]++
	b.mu.Unlock()
	err := handle()
	if scenarios[name].late {
		deadline, _ := ctx.Deadline()
		passed, stop := context.WithDeadline(context.Background(), deadline)
		defer stop()
		<-passed.Done()
		<-b.closing
	}
	return err
}

// newServer returns a server of all scenarios. The handler of retried fails as
// often as its request says.
func newServer(b *backend, opts ...grpc.ServerOption) *grpc.Server {
	// Recovery is outside of the interceptors under test, so that they see the panic.
	server := grpc.NewServer(append([]grpc.ServerOption{
		grpc.ChainUnaryInterceptor(func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (res any, err error) {
			defer recovered(&err)
			return next(ctx, req)
		}),
		grpc.ChainStreamInterceptor(func(srv any, stream grpc.ServerStream, _ *grpc.StreamServerInfo, next grpc.StreamHandler) (err error) {
			defer recovered(&err)
			return next(srv, stream)
		}),
	}, opts...)...)
	desc := grpc.ServiceDesc{ServiceName: "test.Outcomes", HandlerType: (*any)(nil)}
	add := func(name string, handle func(ctx context.Context, number int64) error) {
		desc.Methods = append(desc.Methods, grpc.MethodDesc{MethodName: name,
			Handler: func(srv any, ctx context.Context, decode func(any) error, in grpc.UnaryServerInterceptor) (any, error) {
				req := new(wrapperspb.Int64Value)
				if err := decode(req); err != nil {
					return nil, err
				}
				return in(ctx, req, &grpc.UnaryServerInfo{Server: srv, FullMethod: service + name},
					func(ctx context.Context, req any) (any, error) {
						return req, b.run(ctx, name, func() error { return handle(ctx, req.(*wrapperspb.Int64Value).Value) })
					})
			}})
	}
	add("retried", func(ctx context.Context, failures int64) error {
		if before := metadata.ValueFromIncomingContext(ctx, "grpc-previous-rpc-attempts"); failures > 0 {
			if len(before) == 0 || before[0] < strconv.FormatInt(failures, 10) {
				return status.Error(codes.Unavailable, "once more")
			}
		}
		return nil
	})
	for name, s := range scenarios {
		switch {
		case s.handle != nil:
			add(name, func(ctx context.Context, _ int64) error { return s.handle(ctx) })
		case s.stream != nil:
			desc.Streams = append(desc.Streams, grpc.StreamDesc{StreamName: name, ServerStreams: true, ClientStreams: true,
				Handler: func(_ any, stream grpc.ServerStream) error {
					return b.run(stream.Context(), name, func() error {
						if name != "upload" && name != "chat" { // one message has to be read
							if err := stream.RecvMsg(new(wrapperspb.Int64Value)); err != nil {
								return err
							}
						}
						return s.stream(stream)
					})
				}})
		}
	}
	server.RegisterService(&desc, struct{}{})
	return server
}

// recovered makes an error of a panic.
func recovered(err *error) {
	if value := recover(); value != nil {
		*err = status.Errorf(codes.Internal, "panic: %v", value)
	}
}

// retryPolicy is a service config by which gRPC repeats calls of retried.
const retryPolicy = `{"methodConfig": [{
	"name": [{"service": "test.Outcomes", "method": "retried"}],
	"retryPolicy": {"maxAttempts": 4, "initialBackoff": "0.001s", "maxBackoff": "0.001s",
		"backoffMultiplier": 1, "retryableStatusCodes": ["UNAVAILABLE"]}}]}`
