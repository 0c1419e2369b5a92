package grpcwrap_test

import (
	"context"
	"fmt"
	"net"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/nodemetrics/nodemetrics/atomicmetrics"
	"github.com/nodemetrics/nodemetrics/wrap/grpcwrap"
)

// Example measures a server and its client. Each has a collector, because they
// have the same methods.
func Example() {
	served, called := atomicmetrics.MustNew(), atomicmetrics.MustNew()

	server := grpc.NewServer(
		grpc.ChainUnaryInterceptor(grpcwrap.UnaryServerInterceptor(grpcwrap.Config{Collector: served})))
	healthpb.RegisterHealthServer(server, health.NewServer())
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	go server.Serve(listener)

	conn, err := grpc.NewClient(listener.Addr().String(),
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithChainUnaryInterceptor(grpcwrap.UnaryClientInterceptor(grpcwrap.Config{Collector: called})))
	if err != nil {
		panic(err)
	}
	client := healthpb.NewHealthClient(conn)
	for _, service := range []string{"", "unknown"} {
		_, err := client.Check(context.Background(), &healthpb.HealthCheckRequest{Service: service})
		fmt.Println(err)
	}
	conn.Close()
	server.GracefulStop()

	for _, metrics := range []*atomicmetrics.Collector{called, served} {
		for name, m := range metrics.All() {
			fmt.Println(name, m.FailureCount, "of", m.TotalExecutions, "failed")
		}
	}
	// Output:
	// <nil>
	// rpc error: code = NotFound desc = unknown service
	// /grpc.health.v1.Health/Check 1 of 2 failed
	// /grpc.health.v1.Health/Check 1 of 2 failed
}
