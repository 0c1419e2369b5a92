// Check measures the targets and judges them. It ends with status 1 if a target
// is missed by more than the noise of the run. It ends with status 2 if
// anything could not be measured.
//
//	go run ./cmd/check          the targets, about ten minutes
//	go run ./cmd/check -short   a minute; fails only for allocations and bytes
//
// CI makes the short run. No time and no ratio of times fails the short run,
// because CPUs differ too much.
//
// The benchmarks of a target run side by side, each in a process of its own,
// round after round. Every other round runs them in the opposite order. A
// figure is the median of the rounds. The noise is the confidence interval of
// the median.
package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/nodemetrics/nodemetrics/bench/internal/raw"
	"github.com/nodemetrics/nodemetrics/bench/internal/suite"
	"github.com/nodemetrics/nodemetrics/bench/internal/target"
)

// The lengths of the two runs. The long run has enough rounds, so chance alone
// seldom moves a median across its limit. The short run has the fewest rounds
// that give a verdict.
var (
	full  = suite.Settings{Rounds: 11, BenchTime: "300ms"}
	short = suite.Settings{Rounds: target.MinRounds, BenchTime: "20ms"}
)

func main() {
	quick := flag.Bool("short", false, "run few short rounds, and fail only for allocations and bytes")
	from := flag.String("from", "", "judge what is in this `file`, and run nothing")
	to := flag.String("to", "", "write what the benchmarks print to this `file`")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	passed, err := check(ctx, os.Stdout, *quick, *from, *to)
	switch {
	case err != nil:
		fmt.Fprintf(os.Stderr, "check: %v\n", err)
		os.Exit(2)
	case !passed:
		os.Exit(1)
	}
}

func check(ctx context.Context, out io.Writer, quick bool, from, to string) (passed bool, err error) {
	failing, err := judge(ctx, out, quick, from, to)
	return err == nil && len(failing) == 0, err
}

// judge measures, or reads an earlier measurement, prints the verdicts, and
// returns the targets that fail.
func judge(ctx context.Context, out io.Writer, quick bool, from, to string) (failing []string, err error) {
	var text []byte
	if from != "" {
		text, err = os.ReadFile(from)
	} else {
		text, err = measure(ctx, quick)
	}
	if err == nil && to != "" {
		err = os.WriteFile(to, text, 0o666)
	}
	if err != nil {
		return nil, err
	}
	o, err := raw.Read(bytes.NewReader(text), from)
	if err != nil {
		return nil, err
	}
	cores, err := strconv.Atoi(o.Config["cores"])
	if err != nil {
		return nil, fmt.Errorf("the output does not say how many cores the machine has: %w", err)
	}
	judged, err := target.Judge(target.Rows(cores), o)
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(out, "%s, %d cores, %s, revision %s, %s rounds of %s\n\n",
		o.CPU(), cores, o.Config["go"], o.Config["revision"], o.Config["rounds"], o.Config["benchtime"])
	return write(out, judged, !quick), nil
}

// measure runs the benchmarks of the targets and returns their output.
func measure(ctx context.Context, quick bool) ([]byte, error) {
	set := full
	if quick {
		set = short
	}
	s, err := suite.Build(ctx, ".")
	if err != nil {
		return nil, err
	}
	defer s.Close()
	var text bytes.Buffer
	command := strings.Join(append([]string{"cd bench && go run ./cmd/check"}, os.Args[1:]...), " ")
	if err := suite.Header(ctx, &text, command, set, time.Now()); err != nil {
		return nil, err
	}
	progress := suite.NewProgress(os.Stderr)
	defer progress.End()
	err = s.Each(ctx, target.Benchmarks(target.Rows(runtime.NumCPU())), set, &text, progress)
	return text.Bytes(), err
}

// write prints the verdicts, and returns the targets that the gate does not let
// pass.
func write(out io.Writer, judged []target.Judged, strict bool) (failing []string) {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "target\tlimit\tfigure\tnoise\tverdict")
	for _, j := range judged {
		what, limit := j.What, "≤ "+j.Text(j.Limit)
		if j.Kind.Absolute() {
			what += " *"
		}
		if j.Shown {
			limit = ""
		}
		verdict := j.Verdict.String()
		if j.Fails(strict) {
			failing = append(failing, j.What)
			verdict += ": FAILS"
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s … %s\t%s\n", what, limit, j.Text(j.Center), j.Text(j.Lo), j.Text(j.Hi), verdict)
	}
	table.Flush()
	fmt.Fprintf(out, "\nnoise is the %.0f %% interval of the median by order statistics, computed from the ratios of the rounds where the row is a ratio\n"+
		"* absolute; the times among these depend on the machine\n", 100*raw.Confidence)
	if strict {
		fmt.Fprintf(out, "fails where a target is missed by more than the noise: %d of %d do\n", len(failing), len(judged))
	} else {
		fmt.Fprintf(out, "fails where bytes or allocations are above their limit by more than the noise, never by a time: %d of %d do\n",
			len(failing), len(judged))
	}
	return failing
}
