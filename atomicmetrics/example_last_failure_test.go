package atomicmetrics_test

import (
	"fmt"
	"log"
	"strconv"
	"time"

	"github.com/nodemetrics/nodemetrics/atomicmetrics"
)

// The collector has the last failure, so the program need not search its logs.
func ExampleWithLastFailure() {
	metrics, err := atomicmetrics.New(atomicmetrics.WithLastFailure())
	if err != nil {
		log.Fatal(err)
	}
	for _, text := range []string{"12", "twelve", "13"} {
		if _, err := strconv.Atoi(text); err != nil {
			metrics.RecordFailure("parse", time.Millisecond, err)
		} else {
			metrics.RecordSuccess("parse", time.Millisecond)
		}
	}
	last := metrics.Snapshot().LastFailures["parse"]
	fmt.Println(last.Category, "error:", last.Text)
	fmt.Println("it has a time:", !last.At.IsZero())
	// Output:
	// validation error: strconv.Atoi: parsing "twelve": invalid syntax
	// it has a time: true
}
