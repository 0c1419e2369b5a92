package main

import (
	"flag"
	"fmt"
	"io"
	"runtime"
	"strings"

	"github.com/nodemetrics/nodemetrics/atomicmetrics"
)

// settings are the values of the flags.
type settings struct {
	corpus  string // empty means the source tree of the Go toolchain
	files   int    // 0: all
	workers int
	window  int
	json    string // file for the snapshot; "-": standard output; empty: none
	seed    uint64
	plan    plan
}

const defaultFiles = 2500

// maxWorkers keeps the connections of publish within the process's limit of
// open files. Both ends of a connection are in this process.
const maxWorkers = 256

func parseFlags(args []string) (settings, error) {
	s := settings{plan: defaultPlan}
	flags := flagSet(&s)
	if err := flags.Parse(args); err != nil {
		return s, usageError{err}
	}
	switch {
	case flags.NArg() > 0:
		return s, usageError{fmt.Errorf("unexpected argument %q", flags.Arg(0))}
	case s.files < 0:
		return s, usageError{fmt.Errorf("-files %d is negative: 0 means all", s.files)}
	case s.workers < 1 || s.workers > maxWorkers:
		return s, usageError{fmt.Errorf("-workers %d is not from 1 to %d", s.workers, maxWorkers)}
	}
	return s, nil
}

func flagSet(s *settings) *flag.FlagSet {
	flags := flag.NewFlagSet("demo", flag.ContinueOnError)
	flags.SetOutput(io.Discard) // run writes the error as a single line
	flags.StringVar(&s.corpus, "corpus", "", "take the .go files below `DIR` (default: the Go toolchain's src)")
	flags.IntVar(&s.files, "files", defaultFiles, "run `N` files of the corpus; 0: all of them")
	flags.IntVar(&s.workers, "workers", min(2*runtime.GOMAXPROCS(0), maxWorkers), "run `N` files at a time")
	flags.IntVar(&s.window, "window", atomicmetrics.DefaultWindowSize, "keep the newest `N` executions of a node")
	flags.StringVar(&s.json, "json", "", "write the snapshot to `FILE`; -: to stdout, and the report to stderr")
	flags.Uint64Var(&s.seed, "seed", 1, "draw the files and their order by `N`")
	return flags
}

func usage() string {
	var b strings.Builder
	b.WriteString("Runs a pipeline of measured nodes over a tree of .go files. Flags:\n")
	flags := flagSet(new(settings))
	flags.SetOutput(&b)
	flags.PrintDefaults()
	return b.String()
}

// usageError is an error in the flags.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }
