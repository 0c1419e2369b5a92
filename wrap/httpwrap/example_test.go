package httpwrap_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"

	"github.com/nodemetrics/nodemetrics/atomicmetrics"
	"github.com/nodemetrics/nodemetrics/wrap/httpwrap"
)

// A server and a client that record into one collector.
func Example() {
	metrics, err := atomicmetrics.New()
	if err != nil {
		panic(err)
	}
	cfg := httpwrap.Config{Collector: metrics}

	mux := http.NewServeMux()
	mux.HandleFunc("GET /items/{id}", func(w http.ResponseWriter, r *http.Request) {
		if r.PathValue("id") == "13" {
			http.Error(w, "the stock does not answer", http.StatusGatewayTimeout)
			return
		}
		fmt.Fprintln(w, "item", r.PathValue("id"))
	})
	server := httptest.NewServer(httpwrap.Handler(cfg, mux))

	cfg.Name = func(*http.Request) string { return "shop" } // by default it is method and host, whose port is any here
	client := &http.Client{Transport: httpwrap.Transport(cfg, nil)}
	for _, path := range []string{"/items/7", "/items/8", "/items/13", "/nowhere"} {
		res, err := client.Get(server.URL + path)
		if err != nil {
			panic(err)
		}
		_, _ = io.Copy(io.Discard, res.Body)
		res.Body.Close()
	}
	server.Close()

	for name, m := range metrics.All() {
		fmt.Printf("%s: %d of %d failed, %d by timeout\n", name, m.FailureCount, m.TotalExecutions, m.TimeoutErrors)
	}
	// Output:
	// GET (no pattern): 0 of 1 failed, 0 by timeout
	// GET /items/{id}: 1 of 3 failed, 1 by timeout
	// shop: 1 of 4 failed, 1 by timeout
}
