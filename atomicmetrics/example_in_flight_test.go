package atomicmetrics_test

import (
	"fmt"
	"log"

	"github.com/nodemetrics/nodemetrics/atomicmetrics"
)

// The program finds the node that hangs. It runs, and has ended nothing.
func ExampleWithInFlight() {
	metrics, err := atomicmetrics.New(atomicmetrics.WithInFlight())
	if err != nil {
		log.Fatal(err)
	}
	publish := metrics.Node("publish").Start() // and does not come back
	metrics.Node("fetch").Start().Stop(nil)

	for name, f := range metrics.Snapshot().InFlight {
		if f.Running > 0 {
			fmt.Println(name, "has", f.Running, "running, and f.Oldest says for how long")
		}
	}
	publish.Stop(nil)
	fmt.Println("now:", metrics.Node("publish").InFlight())
	// Output:
	// publish has 1 running, and f.Oldest says for how long
	// now: {0 1 0s}
}
