// Report runs the suite and writes tables and plots to a folder of results, one
// for each processor. It also writes the ranges of all folders into the table
// of the library's README. With -to it writes the report to another folder, and
// leaves the README alone.
//
//	go run ./cmd/report                   run, write what is printed to bench.out, and the report
//	go run ./cmd/report -from bench.out   write the report again
//	go run ./cmd/report -readme           write only the README's table again
//
// Git ignores bench.out. Benchstat reads it: go tool benchstat bench.out
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

	"github.com/nodemetrics/nodemetrics/bench/internal/raw"
	"github.com/nodemetrics/nodemetrics/bench/internal/report"
	"github.com/nodemetrics/nodemetrics/bench/internal/suite"
	"github.com/nodemetrics/nodemetrics/bench/internal/target"
)

func main() {
	from := flag.String("from", "", "write the report on this `file`, and run nothing")
	printed := flag.String("raw", "bench.out", "write what the benchmarks print to this `file`")
	to := flag.String("to", "", "write the report to this `folder` (default results/<cpu>)")
	rounds := flag.Int("rounds", 10, "how often each benchmark is run")
	benchTime := flag.String("benchtime", "20ms", "how long each time, as -benchtime of go test has it")
	singles := flag.Int("singles", 1_000_000, "how many single records the benchmarks of latency make each time")
	readme := flag.Bool("readme", false, "write only the table of the library's README again, from the reports that there are")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if *readme {
		if err := updateReadme(); err != nil {
			fmt.Fprintf(os.Stderr, "report: %v\n", err)
			os.Exit(1)
		}
		return
	}
	if err := run(ctx, *from, *printed, *to, suite.Settings{Rounds: *rounds, BenchTime: *benchTime, Singles: *singles}); err != nil {
		fmt.Fprintf(os.Stderr, "report: %v\n", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, from, printed, to string, set suite.Settings) error {
	if from == "" {
		text, err := measure(ctx, set)
		if err != nil {
			return err
		}
		if err := os.WriteFile(printed, text, 0o666); err != nil {
			return err
		}
		from = printed
	}
	text, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	o, err := raw.Read(bytes.NewReader(text), from)
	if err != nil {
		return err
	}
	requirement, err := target.Requirement(o)
	if err != nil {
		return err
	}
	written := to
	if to == "" {
		written = filepath.Join("results", report.Dir(o))
	}
	if err := report.Write(o, written); err != nil {
		return err
	}
	fmt.Printf("%s\nwritten: %s\n", requirement, filepath.Join(written, "README.md"))
	if to != "" {
		return nil
	}
	fmt.Println("written: ../README.md, the table of performance")
	return updateReadme()
}

// updateReadme writes the figures of all reports into the library's README.
func updateReadme() error { return report.UpdateReadme("../README.md", "results") }

// measure runs the whole suite and returns its output.
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
