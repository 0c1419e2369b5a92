module github.com/nodemetrics/nodemetrics/internal/conformance

go 1.25.0

require (
	github.com/anishathalye/porcupine v1.3.1
	github.com/caio/go-tdigest/v5 v5.0.0
	github.com/nodemetrics/nodemetrics v0.0.0
	github.com/rs/zerolog v1.35.1
	github.com/santhosh-tekuri/jsonschema/v6 v6.0.3
	go.uber.org/goleak v1.3.0
	golang.org/x/text v0.14.0
)

require (
	github.com/influxdata/tdigest v0.0.2-0.20210216194612-fc98d27c9e8b // indirect
	github.com/mattn/go-colorable v0.1.14 // indirect
	github.com/mattn/go-isatty v0.0.20 // indirect
	github.com/puzpuzpuz/xsync/v3 v3.5.1 // indirect
	golang.org/x/sys v0.29.0 // indirect
)

replace github.com/nodemetrics/nodemetrics => ../..
