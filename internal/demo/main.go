// The demo runs a real pipeline over a real corpus and shows the figures of a
// collector.
//
//	go run ./internal/demo
//
// The corpus is the source tree of the installed Go toolchain. The demo reads,
// parses, formats, compresses and publishes each of its .go files. To publish a
// file, the demo puts it by HTTP to a server that it starts on loopback. Some
// files are malformed on purpose and fail to parse. The server has an outage in
// the middle of the run, in which it answers too late or hangs up. Attempts
// then time out or lose their connection, and are tried again. One read hangs,
// as on a disk that fails. Each kind of threshold is breached, and recovers.
//
// The demo exits with 0 if the figures add up. It exits with 1 if it could not
// run, or if its figures do not add up, and with 2 on a bad flag. It exits with
// 130 if SIGINT or SIGTERM ended it early. The demo then finishes the files in
// hand, and the table shows the work so far. A second signal ends it at once.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/rs/zerolog"

	"github.com/nodemetrics/nodemetrics/atomicmetrics"
)

// The exit codes, beside 0.
const (
	exitFailed      = 1
	exitUsage       = 2
	exitInterrupted = 130 // as a shell reports a program that SIGINT ended
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // after the first signal, the next signal has its usual effect
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// run runs the demo by the flags in args, until all is done or ctx ends, and
// returns the exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	s, err := parseFlags(args)
	if errors.Is(err, flag.ErrHelp) {
		fmt.Fprint(stdout, usage())
		return 0
	}
	if err == nil {
		err = demo(ctx, s, stdout, stderr)
	}
	return exitCode(err, stderr)
}

// exitCode returns the exit code for the error of demo, and writes the error as
// a single line.
func exitCode(err error, stderr io.Writer) int {
	switch {
	case err == nil:
		return 0
	case errors.Is(err, errInterrupted):
		return exitInterrupted // the report has said so
	}
	line := strings.ReplaceAll(err.Error(), "\n", "; ")
	if errors.As(err, new(usageError)) {
		fmt.Fprintf(stderr, "demo: %s (-help lists the flags)\n", line)
		return exitUsage
	}
	fmt.Fprintf(stderr, "demo: %s\n", line)
	return exitFailed
}

// errInterrupted says that the context ended before the last file.
var errInterrupted = errors.New("interrupted")

// demo runs the pipeline by the settings. It writes events and the report to
// stdout, and the progress to stderr.
func demo(ctx context.Context, s settings, stdout, stderr io.Writer) error {
	screen := newConsole(stdout, stderr)
	if s.json == "-" {
		screen = newConsole(stderr, stderr)
	}
	var began time.Time // written before the first record, and so before the first event
	options := append(s.plan.options(s.window),
		atomicmetrics.OnEvent(func(e atomicmetrics.Event) { screen.println(eventLine(e, e.At.Sub(began))) }),
		atomicmetrics.WithLogger(zerolog.New(screen).With().Timestamp().Logger()),
	)
	collector, err := atomicmetrics.New(options...)
	if err != nil {
		// Only this flag is an option of the collector.
		return usageError{fmt.Errorf("-window %d: %w", s.window, err)}
	}
	if err := checkTarget(s.json); err != nil {
		return err
	}
	corpus, err := openCorpus(ctx, s.corpus, s.files, s.seed)
	if ctx.Err() != nil {
		return errInterrupted
	}
	if err != nil {
		return err
	}
	outage := s.plan.outage(len(corpus.files))
	server, err := startStore(outage, screen)
	if err != nil {
		return err
	}
	line := newPipeline(collector, s.plan, corpus.root, server.url, s.workers)
	screen.println(heading(s, corpus, outage))

	progress := watch(screen, len(corpus.files), &line.files)
	meter := startMeter()
	began = time.Now()
	line.run(ctx, corpus.files, s.workers)
	meter.stop()
	progress.stop()
	server.stop()

	// The last events are still on their way. The wait for them has a deadline
	// of its own, because ctx may have ended.
	flush, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := collector.Flush(flush); err != nil {
		return fmt.Errorf("events are held up: %w", err)
	}
	price, err := measurePrice(options)
	if err != nil {
		return err
	}
	o := outcome{line, len(corpus.files), collector.Snapshot(), server.taken(), price, meter}
	return o.report(screen, s.json, stdout)
}
