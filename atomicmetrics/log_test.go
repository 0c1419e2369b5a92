package atomicmetrics_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"

	"github.com/rs/zerolog"

	"github.com/nodemetrics/nodemetrics/atomicmetrics"
)

// logged returns the JSON that slog and zerolog make of the metrics.
func logged(t *testing.T, m atomicmetrics.NodeMetrics) map[string]string {
	t.Helper()
	var s, z bytes.Buffer
	slog.New(slog.NewJSONHandler(&s, nil)).Info("", "metrics", m)
	zl := zerolog.New(&z)
	zl.Info().Object("metrics", m).Send()
	objects := map[string]string{}
	for name, line := range map[string][]byte{"slog": s.Bytes(), "zerolog": z.Bytes()} {
		var entry struct{ Metrics json.RawMessage }
		if err := json.Unmarshal(line, &entry); err != nil {
			t.Fatalf("%s: %s: %v", name, line, err)
		}
		objects[name] = string(entry.Metrics)
	}
	return objects
}

var (
	jsonMillis = regexp.MustCompile(`"(\w+?)(?:Ms)?":(\d+)(?:\.(\d+))?([,}])`)
	jsonNull   = regexp.MustCompile(`,?"\w+":null`)
	inMillis   = regexp.MustCompile(`^(?:p50|p90|p99|.*Ms)$`)
)

// inNanoseconds returns the JSON of a node as its log entry is to be: by the text of the JSON alone.
func inNanoseconds(node string) string {
	node = jsonNull.ReplaceAllString(node, "")
	return jsonMillis.ReplaceAllStringFunc(node, func(field string) string {
		parts := jsonMillis.FindStringSubmatch(field)
		if name, _, _ := strings.Cut(field[1:], `"`); !inMillis.MatchString(name) {
			return field
		}
		digits := strings.TrimLeft(parts[2]+(parts[3] + "000000")[:6], "0")
		if digits == "" {
			digits = "0"
		}
		return `"` + parts[1] + `Ns":` + digits + parts[4]
	})
}

func TestLogsHaveTheFieldsOfTheJSONWithDurationsInNanoseconds(t *testing.T) {
	all := []atomicmetrics.NodeMetrics{{}, {RetryCount: 1, RetriesByAttempt: [8]uint64{1}}}
	for seed := range uint64(200) {
		all = append(all, randomNode(rand.New(rand.NewPCG(seed, 81)), 100))
	}
	for _, m := range all {
		var doc struct{ Nodes struct{ N json.RawMessage } }
		if err := json.Unmarshal([]byte(marshalNode(t, m)), &doc); err != nil {
			t.Fatal(err)
		}
		want := inNanoseconds(string(doc.Nodes.N))
		for name, got := range logged(t, m) {
			if got != want {
				t.Fatalf("%s: got\n%s\nwant\n%s", name, got, want)
			}
		}
	}
}

func TestLogsAsTextAndAsPartOfOtherValues(t *testing.T) {
	var b strings.Builder
	slog.New(slog.NewTextHandler(&b, nil)).Info("hourly", "m", atomicmetrics.NodeMetrics{RetryCount: 2})
	if !strings.Contains(b.String(), " m.retryCount=2 ") || strings.Contains(b.String(), "p50") {
		t.Errorf("got %s", &b)
	}
}
