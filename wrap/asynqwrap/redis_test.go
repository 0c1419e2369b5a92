package asynqwrap_test

import (
	"bufio"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/hibiken/asynq"
)

// startRedis starts a Redis of its own for a test, on loopback and a free port,
// and returns how to reach it. The Redis ends with the test. If the machine has
// no redis-server, startRedis skips the test, or fails it in CI.
func startRedis(t *testing.T) asynq.RedisClientOpt {
	t.Helper()
	server, err := exec.LookPath("redis-server")
	if err != nil {
		const reason = "this test needs redis-server, which Debian's package redis-server has"
		if os.Getenv("NODEMETRICS_REDIS") == "required" { // make race sets it
			t.Fatalf("%s: %v", reason, err)
		}
		t.Skipf("%s: %v", reason, err)
	}
	var output string
	for range 10 { // another process may take the free port first
		addr := freePort(t)
		if output = runRedis(t, server, addr); output == "" {
			return asynq.RedisClientOpt{Addr: addr}
		}
	}
	t.Fatalf("redis-server did not start:\n%s", output)
	return asynq.RedisClientOpt{}
}

// freePort returns an address of loopback that nobody listens to.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// runRedis runs a Redis until the test ends, and returns "" as soon as the Redis
// accepts connections. If the Redis ends before, runRedis returns its output.
//
// A shell stops the Redis when its own standard input is closed. The kernel
// closes that also if the test binary is killed and no cleanup runs.
func runRedis(t *testing.T, server, addr string) string {
	t.Helper()
	host, port, _ := strings.Cut(addr, ":")
	shell := exec.Command("sh", "-c", `"$@" & exec >/dev/null 2>&1; read -r _; kill -9 $!; wait`, "sh",
		server, "--bind", host, "--port", port, "--dir", t.TempDir(), "--save", "", "--appendonly", "no")
	input, err := shell.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	log, logEnd, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	shell.Stdout, shell.Stderr = logEnd, logEnd
	if err := shell.Start(); err != nil {
		t.Fatal(err)
	}
	logEnd.Close()
	stop := func() {
		input.Close()
		_ = shell.Wait() // the shell's status is that of the kill
		log.Close()
	}
	var output strings.Builder
	lines := bufio.NewScanner(log)
	for lines.Scan() {
		output.WriteString(lines.Text() + "\n")
		if strings.Contains(lines.Text(), "Ready to accept connections") {
			t.Cleanup(stop)
			go func() {
				for lines.Scan() { // so that the pipe never fills
				}
			}()
			return ""
		}
	}
	stop()
	return output.String()
}
