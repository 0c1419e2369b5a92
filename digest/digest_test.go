package digest_test

import (
	"math"
	"strings"
	"testing"

	"github.com/nodemetrics/nodemetrics/digest"
)

func TestStrategyTakesItsWindowsAndRefusesOthersByName(t *testing.T) {
	exact, tdigest := digest.Exact(), digest.TDigest(100)
	for _, c := range []struct {
		strategy digest.Strategy
		window   int
		want     string   // the strategy that answers
		refused  []string // or what the error says
	}{
		{exact, 1, "exact", nil},
		{exact, 65_536, "exact", nil},
		{exact, 65_537, "", []string{"65537", "65536", "TDigest"}},
		{exact, 1 << 30, "", []string{"1073741824", "65536", "TDigest"}},
		{exact, 1<<30 + 1, "", []string{"1073741825", "65536"}},
		{exact, 0, "", []string{"0", "at least 1"}},
		{exact, -7, "", []string{"-7", "at least 1"}},
		{tdigest, 1, "exact", nil},
		{tdigest, 8_192, "exact", nil},
		{tdigest, 8_193, "tdigest", nil},
		{tdigest, 1 << 30, "tdigest", nil},
		{tdigest, 1<<30 + 1, "", []string{"1073741825", "1073741824"}},
		{tdigest, 0, "", []string{"0", "at least 1"}},
	} {
		got, err := c.strategy.For(c.window)
		if (err != nil) != (c.refused != nil) || err == nil && got.String() != c.want {
			t.Errorf("%v for a window of %d: %v, %v; want %q", c.strategy, c.window, got, err, c.want)
			continue
		}
		for _, part := range c.refused {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%v for a window of %d: %q does not say %q", c.strategy, c.window, err, part)
			}
		}
	}
}

func TestCompressionOutOfRangeIsRefusedWithItsValue(t *testing.T) {
	for compression, want := range map[float64]string{
		20: "", 100: "", 1000: "", 19.99: "19.99", 1000.01: "1000.01", 0: "0", -100: "-100",
		math.Inf(1): "+Inf", math.Inf(-1): "-Inf",
	} {
		err := digest.TDigest(compression).Validate()
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), "compression "+want+" ") {
			t.Errorf("compression %v: %v", compression, err)
		}
	}
	if err := digest.TDigest(math.NaN()).Validate(); err == nil || !strings.Contains(err.Error(), "NaN") {
		t.Errorf("compression NaN: %v", err)
	}
	if err := digest.Exact().Validate(); err != nil {
		t.Error(err)
	}
}

func TestZeroStrategyIsTheDefault(t *testing.T) {
	var zero digest.Strategy
	if zero.String() != digest.Default().String() {
		t.Errorf("the zero Strategy is %v, the default %v", zero, digest.Default())
	}
	if z, d := zero.Compression(), digest.Default().Compression(); z != d && !(math.IsNaN(z) && math.IsNaN(d)) {
		t.Errorf("the zero Strategy has compression %v, the default %v", z, d)
	}
	if c := digest.TDigest(250).Compression(); c != 250 {
		t.Errorf("TDigest(250) has compression %v", c)
	}
	if c := digest.Exact().Compression(); !math.IsNaN(c) {
		t.Errorf("Exact has compression %v", c)
	}
}

func TestDefaultIsChosenByTheBuild(t *testing.T) {
	if got := digest.Default().String(); got != defaultName {
		t.Errorf("the default of this build is %q, want %q", got, defaultName)
	}
}
