package grpcwrap

import (
	"context"
	"strconv"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/nodemetrics/nodemetrics/atomicmetrics"
	"github.com/nodemetrics/nodemetrics/wrap"
	"github.com/nodemetrics/nodemetrics/wrap/internal/record"
)

// Config says where an interceptor records calls, under which name, and which
// calls the interceptor leaves out. Several goroutines may call its functions
// at once.
type Config struct {
	// Collector takes the records. With a nil Collector calls run the same,
	// unmeasured.
	Collector *atomicmetrics.Collector

	// Name returns the node of a call. If Name returns "", the interceptor
	// leaves the call out. Nil stands for the full method, such as
	// "/helloworld.Greeter/SayHello". A server with grpc.UnknownServiceHandler
	// needs a Name, because its clients choose the methods.
	Name func(ctx context.Context, method string) string

	// Ignore reports whether an error is no verdict on the node. The
	// interceptor then records neither the execution nor a retry. The
	// interceptor asks Ignore about the error that counts, whose code
	// status.Code tells. Nil means Canceled.
	Ignore func(error) bool
}

// node returns the node of a call, nil if the interceptor leaves the call out.
func (cfg *Config) node(ctx context.Context, method string) *atomicmetrics.Node {
	if cfg.Name != nil {
		method = cfg.Name(ctx, method)
	}
	return record.Node(cfg.Collector, method)
}

func (cfg *Config) ignore(err error) bool {
	if cfg.Ignore == nil {
		return Canceled(err)
	}
	return cfg.Ignore(err)
}

// Canceled reports whether err has the code Canceled, or is or wraps
// context.Canceled.
func Canceled(err error) bool { return status.Code(err) == codes.Canceled || wrap.Canceled(err) }

// Classify returns the category of a gRPC error. DeadlineExceeded is
// CategoryTimeout, Unavailable is CategoryNetwork. InvalidArgument, OutOfRange
// and FailedPrecondition are CategoryValidation. If the error tells
// atomicmetrics.Classify more than CategoryOther, that answer counts. The
// interceptors use Classify. As atomicmetrics.WithClassifier it serves other
// nodes that return gRPC errors.
func Classify(err error) atomicmetrics.Category {
	if category := atomicmetrics.Classify(err); category != atomicmetrics.CategoryOther {
		return category
	}
	switch status.Code(err) {
	case codes.DeadlineExceeded:
		return atomicmetrics.CategoryTimeout
	case codes.InvalidArgument, codes.OutOfRange, codes.FailedPrecondition:
		return atomicmetrics.CategoryValidation
	case codes.Unavailable:
		return atomicmetrics.CategoryNetwork
	}
	return atomicmetrics.CategoryOther
}

// classified returns err with its category.
func classified(err error) error { return atomicmetrics.Categorize(err, Classify(err)) }

// UnaryServerInterceptor returns an interceptor for grpc.ChainUnaryInterceptor
// that records each call that a server handles.
func UnaryServerInterceptor(cfg Config) grpc.UnaryServerInterceptor {
	return func(ctx context.Context, req any, info *grpc.UnaryServerInfo, next grpc.UnaryHandler) (res any, err error) {
		cfg.serve(ctx, info.FullMethod, func() error {
			res, err = next(ctx, req)
			return err
		})
		return res, err
	}
}

// StreamServerInterceptor returns an interceptor for
// grpc.ChainStreamInterceptor that records each stream that a server handles,
// until its handler returns.
func StreamServerInterceptor(cfg Config) grpc.StreamServerInterceptor {
	return func(srv any, stream grpc.ServerStream, info *grpc.StreamServerInfo, next grpc.StreamHandler) (err error) {
		cfg.serve(stream.Context(), info.FullMethod, func() error {
			err = next(srv, stream)
			return err
		})
		return err
	}
}

// serve calls a server's handler and records the call.
func (cfg *Config) serve(ctx context.Context, method string, handle func() error) {
	header, retry := metadata.ValueFromIncomingContext(ctx, "grpc-previous-rpc-attempts"), 0
	if len(header) > 0 {
		retry, _ = strconv.Atoi(header[0])
	}
	record.Attempt(cfg.node(ctx, method), retry, cfg.ignore, func() error { return verdict(ctx, handle()) })
}

// verdict returns the error that counts for a call that returned err. If the
// deadline has passed or the context has ended, the client no longer waits. The
// client cancels a call whose deadline passes, often before the context here
// ends by itself. So verdict asks the clock first.
func verdict(ctx context.Context, err error) error {
	if deadline, ok := ctx.Deadline(); ok && !time.Now().Before(deadline) {
		return context.DeadlineExceeded
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return classified(err)
}

// UnaryClientInterceptor returns an interceptor for
// grpc.WithChainUnaryInterceptor that records each call that a client makes.
func UnaryClientInterceptor(cfg Config) grpc.UnaryClientInterceptor {
	return func(ctx context.Context, method string, req, res any, cc *grpc.ClientConn, next grpc.UnaryInvoker, opts ...grpc.CallOption) (err error) {
		_ = cfg.node(ctx, method).DoIgnoring(cfg.ignore, func() error {
			err = next(ctx, method, req, res, cc, opts...)
			return classified(err)
		})
		return err
	}
}

// StreamClientInterceptor returns an interceptor for
// grpc.WithChainStreamInterceptor that records each stream that a client opens,
// until the stream ends.
func StreamClientInterceptor(cfg Config) grpc.StreamClientInterceptor {
	return func(ctx context.Context, desc *grpc.StreamDesc, cc *grpc.ClientConn, method string, next grpc.Streamer, opts ...grpc.CallOption) (grpc.ClientStream, error) {
		node := cfg.node(ctx, method)
		if node == nil {
			return next(ctx, desc, cc, method, opts...)
		}
		execution, opened := record.Start(node), false
		defer execution.Guard(&opened)
		end := func(err error) {
			// Ignore's, recorded, which might end the process on gRPC's
			// goroutine.
			defer func() { _ = recover() }()
			execution.End(classified(err), cfg.ignore)
		}
		stream, err := next(ctx, desc, cc, method, append([]grpc.CallOption{grpc.OnFinish(end)}, opts...)...)
		if opened = true; err != nil {
			end(err)
		}
		return stream, err
	}
}
