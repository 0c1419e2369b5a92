package atomicmetrics_test

import (
	"encoding/json"
	"expvar"
	"fmt"
	"io"
	"log"
	"net/http/httptest"
	"time"

	"github.com/nodemetrics/nodemetrics/atomicmetrics"
)

var published = publish()

func publish() *atomicmetrics.Collector {
	metrics, err := atomicmetrics.New()
	if err != nil {
		log.Fatal(err)
	}
	expvar.Publish("nodes", metrics)
	return metrics
}

// A Collector is an expvar.Var. A program publishes it once. Each request for
// /debug/vars then gets a new snapshot beside the other variables.
func ExampleCollector_expvar() {
	published.Reset()
	published.RecordSuccess("fetch", 30*time.Millisecond)

	server := httptest.NewServer(expvar.Handler()) // on its own; net/http's default mux has it at /debug/vars
	defer server.Close()
	answer, err := server.Client().Get(server.URL)
	if err != nil {
		log.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		log.Fatal(err)
	}

	var vars struct{ Nodes atomicmetrics.Snapshot }
	if err := json.Unmarshal(text, &vars); err != nil {
		log.Fatal(err)
	}
	fmt.Println(vars.Nodes.Nodes["fetch"] == published.NodeMetrics("fetch"), vars.Nodes.Nodes["fetch"].P99)
	// Output:
	// true 30ms
}
