package table

import (
	"math"
	"testing"
	"time"
)

func TestCountsHaveAtMostFiveCharacters(t *testing.T) {
	for n, want := range map[uint64]string{
		0: "0", 99_999: "99999", 100_000: "100k", 999_499: "999k", 999_500: "1.00M", 9_994_999: "9.99M", 9_995_000: "10.0M",
		99_949_999: "99.9M", 99_950_000: "100M", 1e9: "1.00G", 1e12: "1.00T", 1e15: "1.00P", math.MaxUint64: "18.4E",
	} {
		if got := Count(n); got != want {
			t.Errorf("%d: got %q, want %q", n, got, want)
		}
	}
}

func TestDurationsHaveThreeDigitsOrTwoUnits(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0s", 7: "7ns", 999: "999ns", 1234: "1.23µs", 10_006: "10µs", 12_349: "12.3µs", 999_499: "999µs", 999_500: "1ms",
		45_678_901: "45.7ms", 59_949 * time.Millisecond: "59.9s", 59_950 * time.Millisecond: "1m0s",
		time.Minute: "1m0s", time.Hour - time.Second: "59m59s", time.Hour - 1: "1h0m",
		24*time.Hour - time.Minute: "23h59m", 24*time.Hour - 1: "1d0h", 239 * time.Hour: "9d23h",
		240*time.Hour - 1: "10d", 251 * time.Hour: "10d", 252 * time.Hour: "11d", 1<<56 - 1: "834d", -1: "0s",
	} {
		if got := Duration(d); got != want {
			t.Errorf("%d: got %q, want %q", d, got, want)
		}
	}
}

func TestOnlyAWholeRateIsRoundedToOne(t *testing.T) {
	for failures, want := range map[float64]string{
		0: "0%", 1: "<0.1%", 9_999: "<0.1%", 10_000: "0.1%", 60_000: "0.6%", 5_000_000: "50.0%",
		9_990_000: "99.9%", 9_990_001: ">99.9%", 9_999_999: ">99.9%", 10_000_000: "100%", -1: "0%", 2e7: "100%",
	} {
		if got := Rate(failures / 10_000_000); got != want {
			t.Errorf("%v of 10,000,000: got %q, want %q", failures, got, want)
		}
	}
}
