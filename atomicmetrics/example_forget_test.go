package atomicmetrics_test

import (
	"fmt"
	"log"
	"time"

	"github.com/nodemetrics/nodemetrics/atomicmetrics"
)

// The program forgets the name of a job when the job has ended. So the name
// gives its place back.
func ExampleCollector_Forget() {
	metrics, err := atomicmetrics.New(atomicmetrics.WithMaxNodes(1))
	if err != nil {
		log.Fatal(err)
	}
	for job := range 3 {
		name := fmt.Sprint("job ", job)
		node := metrics.Node(name)
		for range 10 * (job + 1) {
			node.RecordSuccess(time.Millisecond)
		}
		fmt.Println(name, "took", metrics.Forget(name).TotalDuration)
	}
	fmt.Println(metrics.Stats().OverflowRecords, "records without a place")
	// Output:
	// job 0 took 10ms
	// job 1 took 20ms
	// job 2 took 30ms
	// 0 records without a place
}

// The program does not know when a job has ended. It takes a snapshot each
// minute, and the snapshot forgets idle nodes.
func ExampleWithIdleForget() {
	metrics, err := atomicmetrics.New(atomicmetrics.WithIdleForget(time.Nanosecond)) // an hour, in a real program
	if err != nil {
		log.Fatal(err)
	}
	metrics.RecordSuccess("job 1", time.Millisecond)
	fmt.Println(metrics.Stats().Nodes, "node")
	for metrics.Stats().Nodes > 0 {
		metrics.Reset()
	}
	fmt.Println(metrics.Stats().Nodes, "nodes")
	// Output:
	// 1 node
	// 0 nodes
}
