package atomicmetrics_test

import (
	"fmt"
	"log"
	"time"

	"github.com/nodemetrics/nodemetrics/atomicmetrics"
)

// One reader resets each minute and hands the minute on. Another reader adds the
// minutes until it is asked. So each has the percentiles of its own time.
func ExampleMerger() {
	metrics := atomicmetrics.MustNew(atomicmetrics.WithSketches(), atomicmetrics.WithWindowSize(1000))
	var hour atomicmetrics.Merger
	for minute := 1; minute <= 3; minute++ {
		for range 100 {
			metrics.RecordSuccess("charge", time.Duration(minute)*time.Millisecond)
		}
		cleared := metrics.Reset()
		fmt.Println("minute:", cleared.Nodes["charge"].P50)
		if err := hour.Add(cleared); err != nil {
			log.Fatal(err)
		}
	}
	all := hour.Snapshot()
	fmt.Println("hour:", all.Nodes["charge"].TotalExecutions, all.Nodes["charge"].P50, all.Nodes["charge"].P99)
	fmt.Println("intervals:", len(all.Sources))
	// Output:
	// minute: 1ms
	// minute: 2ms
	// minute: 3ms
	// hour: 300 2ms 3ms
	// intervals: 1
}
