// Command soak mixes everything that the library does at full speed on all
// cores, for a given time. Recorders record by name and by handle, with retries
// and timers. Thresholds raise events. Readers read nodes and all nodes, and
// take snapshots through JSON and back. Resets are of a node and of all. Names
// come beyond the limit, nodes are contended, and windows have both strategies.
// GOMAXPROCS goes up and down, and garbage is collected. Two nodes get records
// in strict sequence, so each of their windows must be consecutive records.
// Soak checks the promises of every read. At the end it compares all records
// with the sum of all resets and of the figures that are left. It exits with
// status 1 if anything was wrong.
//
//	go run ./soak -for 2m
package main

import (
	"flag"
	"fmt"
	"os"
	"runtime/pprof"
	"time"
)

func main() {
	length := flag.Duration("for", 2*time.Minute, "how long to run")
	seed := flag.Uint64("seed", uint64(time.Now().UnixNano()), "of the random choices")
	flag.Parse()
	if *length <= 0 || flag.NArg() > 0 {
		fmt.Fprintln(os.Stderr, "soak: -for must be above 0, and there are no other arguments")
		flag.Usage()
		os.Exit(2)
	}
	fmt.Printf("soak: %v, seed %d\n", *length, *seed)
	time.AfterFunc(*length+time.Minute, func() { // a hang is a failure too
		fmt.Println("soak: FAILED: it did not end within a minute after its time; the goroutines are")
		_ = pprof.Lookup("goroutine").WriteTo(os.Stdout, 1)
		os.Exit(1)
	})
	if err := soak(os.Stdout, *length, *seed); err != nil {
		fmt.Printf("soak: FAILED: %v\n", err)
		os.Exit(1)
	}
	fmt.Println("soak: ok")
}
