package grpcwrap_test

import (
	"context"
	"errors"
	"net"
	"runtime"
	"strings"
	"sync"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/nodemetrics/nodemetrics/atomicmetrics"
	"github.com/nodemetrics/nodemetrics/wrap/grpcwrap"
)

// newCollector returns a collector.
func newCollector(tb testing.TB) *atomicmetrics.Collector {
	tb.Helper()
	c, err := atomicmetrics.New(atomicmetrics.WithInFlight(), atomicmetrics.WithLastFailure(), atomicmetrics.WithSketches())
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

// measuredServer returns the options of a server that records.
func measuredServer(cfg grpcwrap.Config) []grpc.ServerOption {
	return []grpc.ServerOption{
		grpc.ChainUnaryInterceptor(grpcwrap.UnaryServerInterceptor(cfg)),
		grpc.ChainStreamInterceptor(grpcwrap.StreamServerInterceptor(cfg)),
	}
}

// measuredClient returns the options of a client that records, and repeats
// calls of retried.
func measuredClient(cfg grpcwrap.Config) []grpc.DialOption {
	return []grpc.DialOption{
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultServiceConfig(retryPolicy),
		grpc.WithChainUnaryInterceptor(grpcwrap.UnaryClientInterceptor(cfg)),
		grpc.WithChainStreamInterceptor(countStream, grpcwrap.StreamClientInterceptor(cfg)),
	}
}

// streams are the streams that gRPC has not ended. gRPC may end one on a
// goroutine of its own, just after a read has returned.
var streams sync.WaitGroup

func countStream(ctx context.Context, desc *grpc.StreamDesc, cc *grpc.ClientConn, method string, next grpc.Streamer,
	opts ...grpc.CallOption) (grpc.ClientStream, error) {
	streams.Add(1)
	done := sync.OnceFunc(streams.Done)
	return next(ctx, desc, cc, method, append(opts[:len(opts):len(opts)], grpc.OnFinish(func(error) { done() }))...)
}

// start starts a server and returns a connection of a client, and a function
// that waits for all handlers. Both end with the test.
func start(t *testing.T, server, client grpcwrap.Config) (cc *grpc.ClientConn, b *backend, stop func()) {
	t.Helper()
	listener := bufconn.Listen(1 << 16)
	b = newBackend()
	s := newServer(b, measuredServer(server)...)
	served := make(chan error, 1)
	go func() { served <- s.Serve(listener) }()
	cc, err := grpc.NewClient("passthrough:bufconn", append(measuredClient(client),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }))...)
	if err != nil {
		t.Fatal(err)
	}
	stop = sync.OnceFunc(func() {
		close(b.closing)
		cc.Close()
		s.GracefulStop()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(stop)
	return cc, b, stop
}

// makeCalls calls each scenario that many times, and returns the calls that
// ended with another code than they should.
func makeCalls(cc *grpc.ClientConn, times int) (wrong []string) {
	var (
		calls sync.WaitGroup
		mu    sync.Mutex
	)
	for name, s := range scenarios {
		call := s.call
		if call == nil {
			call = forever(unary)
		}
		for range times {
			calls.Go(func() {
				if err := call(cc, service+name); status.Code(err) != s.code {
					mu.Lock()
					defer mu.Unlock()
					wrong = append(wrong, name+": "+status.Convert(err).String())
				}
			})
		}
	}
	calls.Wait()
	streams.Wait()
	return wrong
}

func TestCallsAreRecordedAsTheyEnd(t *testing.T) {
	const calls = 3
	server, client := newCollector(t), newCollector(t)
	cc, b, stop := start(t, grpcwrap.Config{Collector: server}, grpcwrap.Config{Collector: client})
	for _, wrong := range makeCalls(cc, calls) {
		t.Error(wrong)
	}
	stop()
	for name, s := range scenarios {
		if got, want := read(client.NodeMetrics(service+name)), s.client.times(calls); got != want {
			t.Errorf("%s: the client recorded %+v, want %+v", name, got, want)
		}
		if got, want := read(server.NodeMetrics(service+name)), s.server.times(b.by[name]); got != want {
			t.Errorf("%s: the server recorded %+v, want %+v", name, got, want)
		}
		if b.by[name] != calls && s.code != codes.DeadlineExceeded && name != "unknown" {
			t.Errorf("%s: %d handlers ran, want %d", name, b.by[name], calls)
		}
		for side, c := range map[string]*atomicmetrics.Collector{"client": client, "server": server} {
			if running := c.Node(service + name).InFlight().Running; running != 0 {
				t.Errorf("%s: %d in flight at the %s afterwards, want 0", name, running, side)
			}
		}
	}
}

// A retry policy repeats calls within gRPC, where no interceptor of a client is.
func TestRetriesOfAServiceConfigAreTheServersOnly(t *testing.T) {
	server, client := newCollector(t), newCollector(t)
	cc, b, stop := start(t, grpcwrap.Config{Collector: server}, grpcwrap.Config{Collector: client})
	for call := range 300 {
		if err := callRetried(t.Context(), cc, call); err != nil {
			t.Fatal(err)
		}
	}
	stop()
	if got := client.NodeMetrics(service + "retried"); got.SuccessCount != 300 || got.TotalExecutions != 300 || got.RetryCount != 0 {
		t.Errorf("the client recorded %d successes of %d and %d retries, want 300, 300 and 0", got.SuccessCount, got.TotalExecutions, got.RetryCount)
	}
	got, want := server.NodeMetrics(service+"retried"), [8]uint64{60, 34}
	if read(got) != (outcome{successes: 300, network: 94}) || got.RetriesByAttempt != want {
		t.Errorf("the server recorded %+v and retries %v, want 300 successes, 94 network failures and retries %v",
			read(got), got.RetriesByAttempt, want)
	}
	if b.by["retried"] != 394 {
		t.Errorf("%d handlers ran, want 394", b.by["retried"])
	}
}

// callRetried makes call number call of 300, of which 26 are repeated once, and
// 34 twice.
func callRetried(ctx context.Context, cc *grpc.ClientConn, call int) error {
	failures := 0
	switch {
	case call < 34:
		failures = 2
	case call < 60:
		failures = 1
	}
	return cc.Invoke(ctx, service+"retried", wrapperspb.Int64(int64(failures)), new(wrapperspb.Int64Value))
}

// An ignored execution is no retry.
func TestIgnoredExecutionsAreNoRetries(t *testing.T) {
	server := newCollector(t)
	busy := func(err error) bool { return status.Code(err) == codes.Unavailable }
	cc, _, stop := start(t, grpcwrap.Config{Collector: server, Ignore: busy}, grpcwrap.Config{})
	if err := callRetried(t.Context(), cc, 0); err != nil {
		t.Fatal(err)
	}
	stop()
	got := server.NodeMetrics(service + "retried")
	if read(got) != success || got.RetriesByAttempt != [8]uint64{1: 1} {
		t.Errorf("recorded %+v and retries %v, want one success and the second retry", read(got), got.RetriesByAttempt)
	}
}

func TestStreamEndsWithItsConnection(t *testing.T) {
	client := newCollector(t)
	all := func(error) bool { return false }
	cc, _, stop := start(t, grpcwrap.Config{}, grpcwrap.Config{Collector: client, Ignore: all})
	stream, err := open(context.Background(), cc, service+"streamCanceled")
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.SendMsg(wrapperspb.Int64(0)); err != nil {
		t.Fatal(err)
	}
	if err := stream.RecvMsg(new(wrapperspb.Int64Value)); err != nil {
		t.Fatal(err)
	}
	node := client.Node(service + "streamCanceled")
	if got := node.InFlight().Running; got != 1 {
		t.Errorf("%d streams in flight, want 1", got)
	}
	stop()
	<-stream.Context().Done() // gRPC ends it on a goroutine of its own, after the record
	if got := read(node.Metrics()); got != other {
		t.Errorf("recorded %+v, want one other failure", got)
	}
}

// interceptors are the four, each as a function that runs next within it.
func interceptors(cfg grpcwrap.Config) map[string]func(next func() error) error {
	ctx, method := context.Background(), service+"m"
	return map[string]func(next func() error) error{
		"unary server": func(next func() error) error {
			_, err := grpcwrap.UnaryServerInterceptor(cfg)(ctx, nil, &grpc.UnaryServerInfo{FullMethod: method},
				func(context.Context, any) (any, error) { return nil, next() })
			return err
		},
		"stream server": func(next func() error) error {
			return grpcwrap.StreamServerInterceptor(cfg)(nil, stream{}, &grpc.StreamServerInfo{FullMethod: method},
				func(any, grpc.ServerStream) error { return next() })
		},
		"unary client": func(next func() error) error {
			return grpcwrap.UnaryClientInterceptor(cfg)(ctx, method, nil, nil, nil,
				func(context.Context, string, any, any, *grpc.ClientConn, ...grpc.CallOption) error { return next() })
		},
		"stream client": func(next func() error) error {
			_, err := grpcwrap.StreamClientInterceptor(cfg)(ctx, nil, nil, method,
				func(context.Context, *grpc.StreamDesc, *grpc.ClientConn, string, ...grpc.CallOption) (grpc.ClientStream, error) {
					return nil, next()
				})
			return err
		},
	}
}

// stream is a server's stream that has only a context.
type stream struct{ grpc.ServerStream }

func (stream) Context() context.Context { return context.Background() }

var errFailed = errors.New("failed")

func TestErrorIsReturnedAsItIs(t *testing.T) {
	for side := range interceptors(grpcwrap.Config{}) {
		c := newCollector(t)
		if err := interceptors(grpcwrap.Config{Collector: c})[side](func() error { return errFailed }); err != errFailed {
			t.Errorf("%s: error %v, want %v", side, err, errFailed)
		}
		if got := read(c.NodeMetrics(service + "m")); got != other {
			t.Errorf("%s: recorded %+v, want one other failure", side, got)
		}
		if got := c.Node(service + "m").LastFailure().Text; got != "failed" {
			t.Errorf("%s: text %q", side, got)
		}
	}
}

func TestPanicIsAFailureAndGoesOn(t *testing.T) {
	for side := range interceptors(grpcwrap.Config{}) {
		for name, c := range map[string]struct {
			ignore func(error) bool
			next   func() error
			text   string
		}{
			"next":   {nil, func() error { panic("out of range") }, "panic: out of range"},
			"Goexit": {nil, func() error { runtime.Goexit(); return nil }, "runtime.Goexit"},
			"Ignore": {func(error) bool { panic("no verdict") }, func() error { return errFailed }, "panic: no verdict"},
		} {
			t.Run(side+"/"+name, func(t *testing.T) {
				m := newCollector(t)
				ended := make(chan any)
				go func() {
					defer func() { ended <- recover() }()
					_ = interceptors(grpcwrap.Config{Collector: m, Ignore: c.ignore})[side](c.next)
				}()
				want := any(strings.TrimPrefix(c.text, "panic: "))
				if name == "Goexit" || name == "Ignore" && side == "stream client" {
					want = nil // gRPC may ask on a goroutine of its own
				}
				if got := <-ended; got != want {
					t.Errorf("panic %v, want %v", got, want)
				}
				node := m.Node(service + "m")
				if got := read(node.Metrics()); got != other {
					t.Errorf("recorded %+v, want one other failure", got)
				}
				if got := node.LastFailure().Text; got != c.text {
					t.Errorf("text %q, want %q", got, c.text)
				}
				if got := node.InFlight().Running; got != 0 {
					t.Errorf("%d in flight afterwards, want 0", got)
				}
			})
		}
	}
}

func TestNameChoosesTheNode(t *testing.T) {
	for side := range interceptors(grpcwrap.Config{}) {
		for _, name := range []string{"node", ""} {
			c := newCollector(t)
			cfg := grpcwrap.Config{Collector: c, Name: func(_ context.Context, method string) string {
				if method != service+"m" {
					t.Errorf("%s: method %q", side, method)
				}
				return name
			}}
			if err := interceptors(cfg)[side](func() error { return errFailed }); err != errFailed {
				t.Errorf("%s: error %v, want %v", side, err, errFailed)
			}
			all := c.AllNodeMetrics()
			if name == "" && len(all) != 0 || name != "" && read(all[name]) != other {
				t.Errorf("%s: with the name %q, recorded %v", side, name, all)
			}
		}
	}
}

func TestUnmeasuredCallsRunTheSame(t *testing.T) {
	for side, run := range interceptors(grpcwrap.Config{}) {
		if err := run(func() error { return errFailed }); err != errFailed {
			t.Errorf("%s: error %v, want %v", side, err, errFailed)
		}
	}
}

// If a client has canceled its call, the server's context has ended, with any
// result of the handler.
func TestCallThatItsClientCanceledIsNoVerdict(t *testing.T) {
	for _, returned := range []error{nil, errFailed, status.Error(codes.Internal, "down")} {
		c := newCollector(t)
		ctx, cancel := context.WithCancel(context.Background())
		_, err := grpcwrap.UnaryServerInterceptor(grpcwrap.Config{Collector: c})(ctx, nil, &grpc.UnaryServerInfo{FullMethod: "m"},
			func(context.Context, any) (any, error) { cancel(); return nil, returned })
		if err != returned {
			t.Errorf("error %v, want %v", err, returned)
		}
		if got := read(c.NodeMetrics("m")); got != nothing {
			t.Errorf("recorded %+v of a handler that returned %v, want nothing", got, returned)
		}
	}
}

func TestClassifierOfOtherNodes(t *testing.T) {
	c, err := atomicmetrics.New(atomicmetrics.WithClassifier(grpcwrap.Classify))
	if err != nil {
		t.Fatal(err)
	}
	for _, failure := range []error{
		status.Error(codes.DeadlineExceeded, ""), status.Error(codes.Unavailable, ""), status.Error(codes.OutOfRange, ""),
		status.Error(codes.ResourceExhausted, ""), errSyntax, atomicmetrics.Categorize(status.Error(codes.NotFound, ""), atomicmetrics.CategoryValidation),
	} {
		_ = c.Node("lookup").Do(func() error { return failure })
	}
	if got, want := read(c.NodeMetrics("lookup")), (outcome{timeouts: 1, network: 1, validation: 3, other: 1}); got != want {
		t.Errorf("recorded %+v, want %+v", got, want)
	}
}
