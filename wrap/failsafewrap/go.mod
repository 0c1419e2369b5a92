module github.com/nodemetrics/nodemetrics/wrap/failsafewrap

go 1.25.0

require (
	github.com/failsafe-go/failsafe-go v0.9.8
	github.com/nodemetrics/nodemetrics v0.0.0
)

require (
	github.com/bits-and-blooms/bitset v1.24.4 // indirect
	github.com/cenkalti/backoff/v5 v5.0.3 // indirect
	github.com/influxdata/tdigest v0.0.2-0.20210216194612-fc98d27c9e8b // indirect
	github.com/mattn/go-colorable v0.1.14 // indirect
	github.com/mattn/go-isatty v0.0.20 // indirect
	github.com/puzpuzpuz/xsync/v3 v3.5.1 // indirect
	github.com/rs/zerolog v1.35.1 // indirect
	golang.org/x/sys v0.29.0 // indirect
)

replace github.com/nodemetrics/nodemetrics => ../..
