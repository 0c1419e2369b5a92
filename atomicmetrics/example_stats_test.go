package atomicmetrics_test

import (
	"fmt"
	"log"
	"time"

	"github.com/nodemetrics/nodemetrics/atomicmetrics"
)

// Stats tell whether WithMaxNodes is large enough.
func ExampleCollector_Stats() {
	metrics, err := atomicmetrics.New(atomicmetrics.WithMaxNodes(2))
	if err != nil {
		log.Fatal(err)
	}
	for _, name := range []string{"fetch", "parse", "store", "fetch"} {
		metrics.RecordSuccess(name, time.Millisecond)
	}
	stats := metrics.Stats()
	fmt.Println(stats.Nodes, "nodes;", stats.OverflowRecords, "record found no place")
	// Output:
	// 2 nodes; 1 record found no place
}
