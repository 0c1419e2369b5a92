// Report runs the suite and writes what it has shown to a folder of results, tables and plots.
//
//	go run ./cmd/report                            run, and write results/<date>-<cpu>/
//	go run ./cmd/report -from results/…/raw.txt    write the same folder again, from what it was made of
//	go run ./cmd/report -raw bench.out             run, and write what the benchmarks print: for benchstat
package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"time"

	"github.com/nodemetrics/nodemetrics/bench/internal/report"
	"github.com/nodemetrics/nodemetrics/bench/internal/suite"
)

func main() {
	from := flag.String("from", "", "make the report from this `file`, and run nothing")
	raw := flag.String("raw", "", "write what the benchmarks print to this `file`, and no report")
	to := flag.String("to", "", "the `folder` to write to (default results/<date>-<cpu>, or that of -from)")
	rounds := flag.Int("rounds", 10, "how often each benchmark is run")
	benchTime := flag.String("benchtime", "20ms", "how long each time, as -benchtime of go test has it")
	singles := flag.Int("singles", 400_000, "how many single records the benchmarks of latency make each time")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *from, *raw, *to, suite.Settings{Rounds: *rounds, BenchTime: *benchTime, Singles: *singles}); err != nil {
		fmt.Fprintf(os.Stderr, "report: %v\n", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, from, raw, to string, set suite.Settings) error {
	if from != "" {
		text, err := os.ReadFile(from)
		if err != nil {
			return err
		}
		if to == "" {
			to = filepath.Dir(from)
		}
		return write(text, to)
	}
	text, err := measure(ctx, set)
	if err != nil {
		return err
	}
	if raw != "" {
		return os.WriteFile(raw, text, 0o666)
	}
	if to == "" {
		dir, err := report.Dir(text)
		if err != nil {
			return err
		}
		to = filepath.Join("results", dir)
	}
	return write(text, to)
}

func write(text []byte, to string) error {
	if err := report.Write(text, to); err != nil {
		return err
	}
	fmt.Println("written:", filepath.Join(to, "README.md"))
	return nil
}

// measure runs the whole suite and returns what it prints.
func measure(ctx context.Context, set suite.Settings) ([]byte, error) {
	s, err := suite.Build(ctx, ".")
	if err != nil {
		return nil, err
	}
	defer s.Close()
	var text bytes.Buffer
	command := strings.Join(append([]string{"cd bench && go run ./cmd/report"}, os.Args[1:]...), " ")
	if err := suite.Header(ctx, &text, command, set, time.Now()); err != nil {
		return nil, err
	}
	progress := suite.NewProgress(os.Stderr)
	defer progress.End()
	err = s.All(ctx, set, &text, progress)
	return text.Bytes(), err
}
