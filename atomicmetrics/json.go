package atomicmetrics

import (
	"bytes"
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// MarshalJSON returns the snapshot as one JSON object, which testdata/snapshot.schema.json describes and ParseSnapshot
// reads back to the same values. Nodes are in name order. Durations are milliseconds with a fraction, exact to the
// nanosecond. What a node does not have is null: the last and the average execution of one that has not run, the
// percentiles, extremes and failure rate of an empty window. Sketches, LastFailures
// and InFlight are left out when they are nil.
//
// Invalid UTF-8 in a name or a text, which no snapshot of a collector has, becomes U+FFFD.
//
// The error names the node and the field of what has no such form, in a snapshot made by hand: a negative duration or
// count, a time whose year is not of four digits, a Category that does not exist, two names that are one after U+FFFD.
// Nothing else is checked: figures that contradict each other are written as they are, and it is ParseSnapshot that refuses them.
func (s Snapshot) MarshalJSON() ([]byte, error) {
	size := 256
	for name := range s.Nodes {
		size += 640 + len(name) // a node with large figures; one of the smallest is 450 bytes
	}
	for name, sketch := range s.Sketches {
		size += 16 + len(name) + 20*len(sketch) // seconds to the nanosecond
	}
	for name, f := range s.LastFailures {
		size += 96 + len(name) + len(f.Text)
	}
	for name := range s.InFlight {
		size += 64 + len(name)
	}
	b, err := snapshotTable.encode(make([]byte, 0, size), &s)
	if err != nil {
		return nil, fmt.Errorf("atomicmetrics: snapshot: %w", err)
	}
	return b, nil
}

// UnmarshalJSON sets the snapshot to what ParseSnapshot reads, null being an error here too. On an error the snapshot
// is left as it was.
func (s *Snapshot) UnmarshalJSON(data []byte) error {
	parsed, err := ParseSnapshot(data)
	if err != nil {
		return err
	}
	*s = parsed
	return nil
}

// snapshotVersion is the version of the JSON that is written, and the only one that is read.
const snapshotVersion = "1"

// maxWindowSize is the most executions that the windows of a snapshot hold, merged ones too. Every reader of JSON keeps
// it exactly, and so does the t-digest of a sketch.
const maxWindowSize = min(1<<53-1, math.MaxInt)

// What Snapshot.Percentiles can be.
const (
	exactPercentiles   = "exact"
	tdigestPercentiles = "tdigest"
)

// The two objects of the JSON. Each row is all there is to say about a field, and the order of the rows is the order in
// which they are written; MarshalJSON and ParseSnapshot both work by these tables.
var (
	snapshotTable = newJSONTable(
		versionField("version"),
		timeField("takenAt", func(s *Snapshot) *time.Time { return &s.TakenAt }),
		sizeField("windowSize", 1, maxWindowSize, func(s *Snapshot) *int { return &s.WindowSize }),
		wordField("percentiles", func(s *Snapshot) *string { return &s.Percentiles }, exactPercentiles, tdigestPercentiles),
		jsonField[Snapshot]{name: "nodes", encode: encodeNodes, decode: decodeNodes},
		jsonField[Snapshot]{name: "sketches", encode: encodeSketches, decode: decodeSketches, absent: noSketches},
		jsonField[Snapshot]{name: "lastFailures", encode: encodeLastFailures, decode: decodeLastFailures, absent: noLastFailures},
		jsonField[Snapshot]{name: "inFlight", encode: encodeInFlight, decode: decodeInFlight, absent: noInFlight},
	)

	nodeTable = newJSONTable(
		countField("totalExecutions", func(m *NodeMetrics) *uint64 { return &m.TotalExecutions }),
		countField("successCount", func(m *NodeMetrics) *uint64 { return &m.SuccessCount }),
		countField("failureCount", func(m *NodeMetrics) *uint64 { return &m.FailureCount }),
		countField("retryCount", func(m *NodeMetrics) *uint64 { return &m.RetryCount }),
		countField("timeoutErrors", func(m *NodeMetrics) *uint64 { return &m.TimeoutErrors }),
		countField("validationErrors", func(m *NodeMetrics) *uint64 { return &m.ValidationErrors }),
		countField("networkErrors", func(m *NodeMetrics) *uint64 { return &m.NetworkErrors }),
		countField("otherErrors", func(m *NodeMetrics) *uint64 { return &m.OtherErrors }),
		countsField("retriesByAttempt", func(m *NodeMetrics) *[8]uint64 { return &m.RetriesByAttempt }),
		millisField("lastExecutionMs", MaxDuration,
			func(m *NodeMetrics) *time.Duration { return &m.LastExecution }).nullWhen(noExecutions),
		millisField("avgExecutionMs", MaxDuration,
			func(m *NodeMetrics) *time.Duration { return &m.AvgExecution }).nullWhen(noExecutions),
		millisField("totalDurationMs", math.MaxInt64,
			func(m *NodeMetrics) *time.Duration { return &m.TotalDuration }),
		millisField("p50", MaxDuration,
			func(m *NodeMetrics) *time.Duration { return &m.P50 }).nullWhen(noSamples),
		millisField("p90", MaxDuration,
			func(m *NodeMetrics) *time.Duration { return &m.P90 }).nullWhen(noSamples),
		millisField("p99", MaxDuration,
			func(m *NodeMetrics) *time.Duration { return &m.P99 }).nullWhen(noSamples),
		millisField("windowMinMs", MaxDuration,
			func(m *NodeMetrics) *time.Duration { return &m.WindowMin }).nullWhen(noSamples),
		millisField("windowMaxMs", MaxDuration,
			func(m *NodeMetrics) *time.Duration { return &m.WindowMax }).nullWhen(noSamples),
		sizeField("windowSamples", 0, math.MaxInt, func(m *NodeMetrics) *int { return &m.WindowSamples }),
		sizeField("windowFailures", 0, math.MaxInt, func(m *NodeMetrics) *int { return &m.WindowFailures }),
		ratioField("windowFailureRate", "windowFailures / windowSamples",
			(*NodeMetrics).WindowFailureRate).nullWhen(noSamples),
		flagField("failureRateBreached", func(m *NodeMetrics) *bool { return &m.FailureRateBreached }),
		flagField("latencyBreached", func(m *NodeMetrics) *bool { return &m.LatencyBreached }),
	)

	noExecutions = &jsonCondition[NodeMetrics]{
		"totalExecutions is 0", func(m *NodeMetrics) bool { return m.TotalExecutions == 0 },
	}
	noSamples = &jsonCondition[NodeMetrics]{
		"windowSamples is 0", func(m *NodeMetrics) bool { return m.WindowSamples == 0 },
	}
)

// A jsonField is one field of the JSON object that stands for a T.
type jsonField[T any] struct {
	name   string                               // unquoted; of letters and digits
	encode func(b []byte, v *T) ([]byte, error) // appends the field's value; an error says what is wrong with it
	decode func(text jsonText, v *T) error      // sets it; likewise
	null   *jsonCondition[T]                    // when the field is null, and only then; nil: never
	absent func(v *T) bool                      // when the field is not written; nil: never, and it must be there
}

// A jsonCondition is a condition on fields that are never null themselves.
type jsonCondition[T any] struct {
	text  string // as errors put it
	holds func(v *T) bool
}

func (f jsonField[T]) nullWhen(c *jsonCondition[T]) jsonField[T] {
	f.null = c
	return f
}

// A jsonTable is the JSON object that stands for a T.
type jsonTable[T any] struct {
	fields []jsonField[T]
	index  map[string]int // of fields, by name
}

func newJSONTable[T any](fields ...jsonField[T]) *jsonTable[T] {
	t := &jsonTable[T]{fields, make(map[string]int, len(fields))}
	for i, f := range fields {
		t.index[f.name] = i
	}
	return t
}

// encode appends the object that stands for v. The error names the field.
func (t *jsonTable[T]) encode(b []byte, v *T) ([]byte, error) {
	separator := byte('{')
	for i := range t.fields {
		f := &t.fields[i]
		if f.absent != nil && f.absent(v) {
			continue
		}
		b = append(b, separator, '"')
		b = append(b, f.name...)
		b = append(b, '"', ':')
		separator = ','
		if f.null != nil && f.null.holds(v) {
			b = append(b, "null"...)
			continue
		}
		var err error
		if b, err = f.encode(b, v); err != nil {
			return nil, fieldError(f.name, err)
		}
	}
	return append(b, '}'), nil
}

// versionField is snapshotVersion, whatever the value.
func versionField(name string) jsonField[Snapshot] {
	return jsonField[Snapshot]{
		name:   name,
		encode: func(b []byte, _ *Snapshot) ([]byte, error) { return append(b, snapshotVersion...), nil },
		decode: func(text jsonText, _ *Snapshot) error {
			if string(text) != snapshotVersion {
				return notA(text, snapshotVersion+", the version that can be read")
			}
			return nil
		},
	}
}

// timeField is a time as RFC 3339 has it, to the nanosecond, written and returned in UTC.
func timeField[T any](name string, at func(*T) *time.Time) jsonField[T] {
	return jsonField[T]{
		name: name,
		encode: func(b []byte, v *T) ([]byte, error) {
			t := at(v).UTC()
			if !fourDigitYear(t) {
				return nil, fmt.Errorf("year %d is not from 0 to 9999", t.Year())
			}
			return t.AppendFormat(b, `"`+time.RFC3339Nano+`"`), nil
		},
		decode: func(text jsonText, v *T) (err error) { *at(v), err = parseTime(text); return err },
	}
}

// fourDigitYear reports whether RFC 3339 can express t.
func fourDigitYear(t time.Time) bool { return t.Year() >= 0 && t.Year() <= 9999 }

// wordField is one of a few words, and any string when written.
func wordField[T any](name string, at func(*T) *string, words ...string) jsonField[T] {
	return jsonField[T]{
		name:   name,
		encode: func(b []byte, v *T) ([]byte, error) { return appendString(b, validUTF8(*at(v))), nil },
		decode: func(text jsonText, v *T) error {
			if text[0] == '"' && slices.Contains(words, text.unquote()) {
				*at(v) = text.unquote()
				return nil
			}
			return notA(text, `"`+strings.Join(words, `" or "`)+`"`)
		},
	}
}

// countField is a whole number from 0 to 2^64 - 1.
func countField[T any](name string, at func(*T) *uint64) jsonField[T] {
	return jsonField[T]{
		name:   name,
		encode: func(b []byte, v *T) ([]byte, error) { return strconv.AppendUint(b, *at(v), 10), nil },
		decode: func(text jsonText, v *T) (err error) { *at(v), err = parseCount(text); return err },
	}
}

// countsField is an array of as many counts as there are classes of attempts.
func countsField[T any](name string, at func(*T) *[8]uint64) jsonField[T] {
	return jsonField[T]{
		name: name,
		encode: func(b []byte, v *T) ([]byte, error) {
			separator := byte('[')
			for _, n := range at(v) {
				b = strconv.AppendUint(append(b, separator), n, 10)
				separator = ','
			}
			return append(b, ']'), nil
		},
		decode: func(text jsonText, v *T) error { return parseCounts(text, at(v)[:]) },
	}
}

// sizeField is an int from lowest to highest, and any that is not negative when written.
func sizeField[T any](name string, lowest, highest uint64, at func(*T) *int) jsonField[T] {
	return jsonField[T]{
		name: name,
		encode: func(b []byte, v *T) ([]byte, error) {
			if *at(v) < 0 {
				return nil, fmt.Errorf("%d is not a count", *at(v))
			}
			return strconv.AppendInt(b, int64(*at(v)), 10), nil
		},
		decode: func(text jsonText, v *T) error {
			n, err := parseCount(text)
			if err == nil && (n < lowest || n > highest) {
				err = fmt.Errorf("%d is not from %d to %d", n, lowest, highest)
			}
			*at(v) = int(n)
			return err
		},
	}
}

// millisField is a duration of 0 to longest in milliseconds, with as many decimals as it takes.
func millisField[T any](name string, longest time.Duration, at func(*T) *time.Duration) jsonField[T] {
	return jsonField[T]{
		name: name,
		encode: func(b []byte, v *T) ([]byte, error) {
			if *at(v) < 0 {
				return nil, fmt.Errorf("%v is negative", *at(v))
			}
			return appendMillis(b, *at(v)), nil
		},
		decode: func(text jsonText, v *T) (err error) { *at(v), err = parseMillis(text, longest); return err },
	}
}

// ratioField is a float64 that other fields determine; formula says how.
func ratioField[T any](name, formula string, of func(*T) float64) jsonField[T] {
	return jsonField[T]{
		name: name,
		encode: func(b []byte, v *T) ([]byte, error) {
			return strconv.AppendFloat(b, of(v), 'f', -1, 64), nil // 'f': some readers of JSON know no exponents
		},
		decode: func(text jsonText, v *T) error {
			if x, err := strconv.ParseFloat(string(text), 64); err != nil || x != of(v) || text[0] == '-' {
				return notA(text, fmt.Sprintf("%s = %v", formula, of(v)))
			}
			return nil
		},
	}
}

// flagField is true or false.
func flagField[T any](name string, at func(*T) *bool) jsonField[T] {
	return jsonField[T]{
		name:   name,
		encode: func(b []byte, v *T) ([]byte, error) { return strconv.AppendBool(b, *at(v)), nil },
		decode: func(text jsonText, v *T) error {
			*at(v) = text[0] == 't'
			if text[0] != 't' && text[0] != 'f' {
				return notA(text, "true or false")
			}
			return nil
		},
	}
}

// encodeNodes appends the object of all nodes.
func encodeNodes(b []byte, s *Snapshot) ([]byte, error) {
	var m NodeMetrics // one for all, as the functions of the table have it moved to the heap
	return encodeByName(b, s.Nodes, func(b []byte, of NodeMetrics) ([]byte, error) {
		m = of
		return nodeTable.encode(b, &m)
	})
}

// encodeByName appends the object that has a value for each node, in name order. The error names the node.
func encodeByName[V any](b []byte, values map[string]V, encode func([]byte, V) ([]byte, error)) ([]byte, error) {
	type node struct{ name, key string } // the name as it is written, and as it is in the map
	nodes := make([]node, 0, len(values))
	for key := range values {
		nodes = append(nodes, node{validUTF8(key), key})
	}
	slices.SortFunc(nodes, func(a, b node) int { return cmp.Compare(a.name, b.name) })

	b = append(b, '{')
	for i, n := range nodes {
		if i > 0 {
			if n.name == nodes[i-1].name {
				return nil, nodeError(n.name, fmt.Errorf("two names are this one, as invalid UTF-8 becomes U+FFFD"))
			}
			b = append(b, ',')
		}
		b = append(appendString(b, n.name), ':')
		var err error
		if b, err = encode(b, values[n.key]); err != nil {
			return nil, nodeError(n.name, err)
		}
	}
	return append(b, '}'), nil
}

// validUTF8 puts U+FFFD in the place of each run of bytes that are not UTF-8.
func validUTF8(s string) string { return strings.ToValidUTF8(s, string(utf8.RuneError)) }

// appendString appends s, which is valid UTF-8, as a JSON string. Only what must be escaped is.
func appendString(b []byte, s string) []byte {
	b = append(b, '"')
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c < ' ':
			const hex = "0123456789abcdef"
			b = append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&0xf])
		default:
			b = append(b, c)
		}
	}
	return append(b, '"')
}

// appendMillis appends d, which is not negative, in milliseconds: exactly, in as few digits as that takes.
func appendMillis(b []byte, d time.Duration) []byte {
	b = strconv.AppendInt(b, int64(d/time.Millisecond), 10)
	ns := d % time.Millisecond
	if ns == 0 {
		return b
	}
	fraction := [7]byte{'.'}
	for i := 6; i > 0; i-- {
		fraction[i] = '0' + byte(ns%10)
		ns /= 10
	}
	return append(b, bytes.TrimRight(fraction[:], "0")...)
}
