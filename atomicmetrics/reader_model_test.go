package atomicmetrics_test

import (
	"bytes"
	"encoding/json"
	"math"
	"math/big"
	"regexp"
	"slices"
	"strconv"
	"time"

	"github.com/nodemetrics/nodemetrics/atomicmetrics"
)

// readSlowly is what the comment of ParseSnapshot says, slow and obvious: with encoding/json and numbers of any size. It
// reports whether the document is accepted, and returns what it says.
func readSlowly(doc []byte) (s atomicmetrics.Snapshot, ok bool) {
	defer func() {
		if reason := recover(); reason != nil {
			_ = reason.(refusal) // anything else is a bug of the model
			s, ok = atomicmetrics.Snapshot{}, false
		}
	}()
	must(json.Valid(doc), "not JSON")
	top := fieldsOf(doc, "version", "takenAt", "windowSize", "percentiles", "nodes", "sketches",
		"lastFailures", "inFlight", "ignored", "sources")
	must(top["version"] == "1", "version")
	s.TakenAt = top.time("takenAt")
	s.WindowSize = int(top.count("windowSize", 1, slowMaxWindow))
	s.Percentiles = top.text("percentiles")
	must(s.Percentiles == "exact" || s.Percentiles == "tdigest", "percentiles")
	s.Nodes = map[string]atomicmetrics.NodeMetrics{}
	for name, node := range objectOf([]byte(top.required("nodes"))) {
		s.Nodes[name] = nodeOf([]byte(node), s.WindowSize)
	}
	if sketches, there := top["sketches"]; there {
		s.Sketches = map[string]atomicmetrics.Sketch{}
		for name, pairs := range objectOf([]byte(sketches)) {
			m, known := s.Nodes[name]
			must(known, "sketch of no node")
			s.Sketches[name] = sketchOfPairs([]byte(pairs), m)
		}
		must(len(s.Sketches) == len(s.Nodes), "a node without a sketch")
	}
	if failures, there := top["lastFailures"]; there {
		s.LastFailures = map[string]atomicmetrics.LastFailure{}
		for name, failure := range objectOf([]byte(failures)) {
			must(s.Nodes[name].FailureCount > 0, "last failure of a node without failures")
			o := fieldsOf([]byte(failure), "at", "category", "text")
			f := atomicmetrics.LastFailure{At: o.time("at"), Text: o.text("text")}
			must(f.Category.UnmarshalText([]byte(o.text("category"))) == nil && len(f.Text) <= 256, "last failure")
			s.LastFailures[name] = f
		}
	}
	if flights, there := top["inFlight"]; there {
		s.InFlight = map[string]atomicmetrics.InFlight{}
		for name, flight := range objectOf([]byte(flights)) {
			o := fieldsOf([]byte(flight), "running", "highest", "oldestMs")
			f := atomicmetrics.InFlight{
				Running: int(o.count("running", 0, slowMaxWindow)),
				Highest: int(o.count("highest", 1, slowMaxWindow)),
			}
			if !o.null("oldestMs", f.Running == 0) {
				f.Oldest = o.millis("oldestMs", math.MaxInt64)
			}
			must(f.Running <= f.Highest, "in flight")
			s.InFlight[name] = f
		}
	}
	if ignored, there := top["ignored"]; there {
		s.Ignored = map[string]uint64{}
		for name, n := range objectOf([]byte(ignored)) {
			s.Ignored[name] = countOf(n, 1, math.MaxUint64)
		}
	}
	if sources, there := top["sources"]; there {
		for _, element := range arrayOf(sources) {
			o := fieldsOf(element, "instance", "since", "takenAt")
			s.Sources = append(s.Sources, atomicmetrics.Source{
				Instance: o.text("instance"), Since: o.time("since"), TakenAt: o.time("takenAt")})
		}
		for i, a := range s.Sources {
			must(!a.TakenAt.Before(a.Since), "taken before its begin")
			for _, b := range s.Sources[:i] {
				must(a.Instance != b.Instance || !meet(a, b) && !meet(b, a), "overlap")
			}
		}
	}
	return s, true
}

// meet reports whether b begins in the interval of a.
func meet(a, b atomicmetrics.Source) bool {
	return b.Since.Equal(a.Since) || a.Since.Before(b.Since) && b.Since.Before(a.TakenAt)
}

// refusal is what the functions below panic with.
type refusal string

func must(ok bool, reason refusal) {
	if !ok {
		panic(reason)
	}
}

var slowMaxWindow = uint64(min(1<<53-1, math.MaxInt))

// object has the values of a JSON object, as they are written.
type object map[string]string

// objectOf reads an object in which no key of these is given twice; with no names,
// no key at all.
func objectOf(text []byte, names ...string) object {
	must(text[bytes.IndexFunc(text, isNoSpace)] == '{', "no object")
	decoder, o := json.NewDecoder(bytes.NewReader(text)), object{}
	_, err := decoder.Token()
	for err == nil && decoder.More() {
		var key json.Token
		if key, err = decoder.Token(); err != nil {
			break
		}
		var val json.RawMessage
		if err = decoder.Decode(&val); err != nil {
			break
		}
		if len(names) > 0 && !slices.Contains(names, key.(string)) {
			continue
		}
		_, twice := o[key.(string)]
		must(!twice, "given twice")
		o[key.(string)] = string(val)
	}
	must(err == nil, "encoding/json refuses it")
	return o
}

func isNoSpace(r rune) bool { return r > ' ' }

// fieldsOf reads the fields of an object that have these names.
func fieldsOf(text []byte, names ...string) object { return objectOf(text, names...) }

func arrayOf(text string) (elements []json.RawMessage) {
	must(text[0] == '[', "no array")
	must(json.Unmarshal([]byte(text), &elements) == nil, "encoding/json refuses it")
	return elements
}

func (o object) required(name string) string {
	val, there := o[name]
	must(there, "missing")
	return val
}

func (o object) text(name string) (s string) {
	must(o.required(name)[0] == '"', "no string")
	must(json.Unmarshal([]byte(o[name]), &s) == nil, "encoding/json refuses it")
	return s
}

func (o object) flag(name string) bool {
	val := o.required(name)
	must(val == "true" || val == "false", "no flag")
	return val == "true"
}

var rfc3339 = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)$`)

func (o object) time(name string) time.Time {
	s := o.text(name)
	t, err := time.Parse(time.RFC3339Nano, s)
	t = t.UTC()
	must(err == nil && rfc3339.MatchString(s) && 0 <= t.Year() && t.Year() <= 9999, "no time")
	return t
}

func (o object) count(name string, lowest, highest uint64) uint64 {
	return countOf(o.required(name), lowest, highest)
}

var digits = regexp.MustCompile(`^[0-9]+$`)

func countOf(text string, lowest, highest uint64) uint64 {
	must(digits.MatchString(text), "no count")
	n, _ := new(big.Int).SetString(text, 10)
	must(n.IsUint64() && n.Uint64() >= lowest && n.Uint64() <= highest, "count out of range")
	return n.Uint64()
}

func (o object) millis(name string, longest time.Duration) time.Duration {
	return millisOf(o.required(name), longest)
}

// The exponent has at most four characters, its sign included.
var decimal = regexp.MustCompile(`^[0-9]+(\.[0-9]+)?([eE]([0-9]{1,4}|[+-][0-9]{1,3}))?$`)

func millisOf(text string, longest time.Duration) time.Duration {
	must(decimal.MatchString(text), "no milliseconds")
	ms, ok := new(big.Rat).SetString(text)
	must(ok, "no number")
	ns := new(big.Rat).Mul(ms, big.NewRat(1e6, 1))
	must(ns.IsInt() && ns.Num().IsInt64() && ns.Num().Int64() <= int64(longest), "milliseconds out of range")
	return time.Duration(ns.Num().Int64())
}

// null reports whether a field is null, which it must be exactly when that is due.
func (o object) null(name string, due bool) bool {
	must(due == (o.required(name) == "null"), "null")
	return due
}

// nodeOf reads a node, and refuses what no read returns.
func nodeOf(text []byte, windowSize int) (m atomicmetrics.NodeMetrics) {
	o := fieldsOf(text, "totalExecutions", "successCount", "failureCount", "retryCount", "timeoutErrors",
		"validationErrors", "networkErrors", "otherErrors", "retriesByAttempt", "lastExecutionMs", "avgExecutionMs",
		"totalDurationMs", "p50", "p90", "p99", "windowMinMs", "windowMaxMs", "windowSamples", "windowFailures",
		"windowFailureRate", "failureRateBreached", "latencyBreached", "runningBreached")
	for name, field := range map[string]*uint64{
		"totalExecutions": &m.TotalExecutions, "successCount": &m.SuccessCount, "failureCount": &m.FailureCount,
		"retryCount": &m.RetryCount, "timeoutErrors": &m.TimeoutErrors, "validationErrors": &m.ValidationErrors,
		"networkErrors": &m.NetworkErrors, "otherErrors": &m.OtherErrors,
	} {
		*field = o.count(name, 0, math.MaxUint64)
	}
	retries := arrayOf(o.required("retriesByAttempt"))
	must(len(retries) == len(m.RetriesByAttempt), "retries")
	for i := range retries {
		m.RetriesByAttempt[i] = countOf(string(retries[i]), 0, math.MaxUint64)
	}
	m.WindowSamples = int(o.count("windowSamples", 0, math.MaxInt))
	m.WindowFailures = int(o.count("windowFailures", 0, math.MaxInt))
	m.FailureRateBreached, m.LatencyBreached = o.flag("failureRateBreached"), o.flag("latencyBreached")
	if _, there := o["runningBreached"]; there { // the first version has none
		m.RunningBreached = o.flag("runningBreached")
	}
	m.TotalDuration = o.millis("totalDurationMs", math.MaxInt64)
	for name, field := range map[string]*time.Duration{
		"lastExecutionMs": &m.LastExecution, "avgExecutionMs": &m.AvgExecution,
	} {
		if !o.null(name, m.TotalExecutions == 0) {
			*field = o.millis(name, atomicmetrics.MaxDuration)
		}
	}
	for name, field := range map[string]*time.Duration{
		"p50": &m.P50, "p90": &m.P90, "p99": &m.P99, "windowMinMs": &m.WindowMin, "windowMaxMs": &m.WindowMax,
	} {
		if !o.null(name, m.WindowSamples == 0) {
			*field = o.millis(name, atomicmetrics.MaxDuration)
		}
	}
	if !o.null("windowFailureRate", m.WindowSamples == 0) {
		rate := o["windowFailureRate"]
		must(digits.MatchString(rate[:1]), "no rate")
		f, err := strconv.ParseFloat(rate, 64)
		must(err == nil && f == float64(m.WindowFailures)/float64(m.WindowSamples), "another rate")
	}

	must(isTotal(m.TotalExecutions, m.SuccessCount, m.FailureCount), "executions")
	must(isTotal(m.FailureCount, m.TimeoutErrors, m.ValidationErrors, m.NetworkErrors, m.OtherErrors), "failures")
	must(isTotal(m.RetryCount, m.RetriesByAttempt[:]...), "retries")
	must(m.WindowFailures <= m.WindowSamples && m.WindowSamples <= windowSize, "window")
	must(uint64(m.WindowSamples) <= m.TotalExecutions, "more samples than executions")
	must(m.WindowMin <= m.P50 && m.P50 <= m.P90 && m.P90 <= m.P99 && m.P99 <= m.WindowMax, "percentiles")
	return m
}

func isTotal(total uint64, parts ...uint64) bool {
	sum := new(big.Int)
	for _, part := range parts {
		sum.Add(sum, new(big.Int).SetUint64(part))
	}
	return sum.IsUint64() && sum.Uint64() == total
}

// sketchOfPairs reads the sketch of the window of m.
func sketchOfPairs(text []byte, m atomicmetrics.NodeMetrics) atomicmetrics.Sketch {
	s, samples := atomicmetrics.Sketch{}, uint64(0)
	for i, element := range arrayOf(string(text)) {
		pair := arrayOf(string(element))
		must(len(pair) == 2, "no pair")
		mean, weight := millisOf(string(pair[0]), atomicmetrics.MaxDuration), countOf(string(pair[1]), 1, slowMaxWindow)
		must(i == 0 || s[i-1].Mean <= mean, "means")
		samples += weight
		must(samples <= uint64(m.WindowSamples), "too many samples")
		s = append(s, atomicmetrics.Centroid{Mean: mean, Weight: int(weight)})
	}
	must(len(s) <= 65_536 && samples == uint64(m.WindowSamples), "samples")
	must(len(s) == 0 || s[0].Mean == m.WindowMin && s[len(s)-1].Mean == m.WindowMax, "extremes")
	return s
}
