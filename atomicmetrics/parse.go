package atomicmetrics

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"math"
	"math/bits"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// ParseSnapshot reads the JSON of a snapshot and gives back the values it was made of: TakenAt in UTC, Nodes never nil,
// every duration to the nanosecond. It keeps nothing of data.
//
// It is strict. Fields may come in any order, and white space and escapes as JSON has them; everything else is an
// error, a single one, that names the node and the field: what is not JSON, trailing data, another version, a field
// that is missing, unknown (case matters) or given twice, a node given twice, a value of another type, a count with a
// sign, a fraction or an exponent, a duration finer than a nanosecond or above MaxDuration (totalDurationMs:
// math.MaxInt64 nanoseconds), a null where a figure belongs and the reverse, figures that contradict each other in any
// way that NodeMetrics excludes, and a windowFailureRate that is not windowFailures / windowSamples as a float64.
// Sketches may be missing as a whole; if they are there, each node has one, every pair is [milliseconds, weight], and
// one that Sketch excludes is an error, as is one of more than 65,536 pairs. Last failures may be missing too; one must
// be of a node that has failures, and its text valid, of at most 256 bytes. What is in flight may be missing, and may be
// of other nodes; no more is running than the highest number that was.
// With an error the Snapshot is the zero one.
//
// Milliseconds may have a short exponent, as long as the value is exact: Python writes 0.000001 as 1e-06.
//
// Invalid UTF-8 and half surrogates in a name become U+FFFD, as in encoding/json.
//
// Time and memory are at most in proportion to len(data), whatever it holds. An error quotes no more than a few words.
func ParseSnapshot(data []byte) (Snapshot, error) {
	s, err := parseSnapshot(data)
	if err != nil {
		return Snapshot{}, fmt.Errorf("atomicmetrics: snapshot: %w", err)
	}
	return s, nil
}

func parseSnapshot(data []byte) (s Snapshot, err error) {
	// The syntax of the whole first: all that follows relies on it.
	if !json.Valid(data) {
		return s, syntaxError(data)
	}
	text := jsonText(bytes.TrimSpace(data))

	// The version next: a document of another version is that, whatever else is new in it.
	if text[0] == '{' {
		for key, val := range text.members() {
			if version := &snapshotTable.fields[0]; key.unquote() == version.name {
				if err := version.read(val, &s); err != nil {
					return s, err
				}
				break
			}
		}
	}
	err = snapshotTable.decode(text, &s)
	return s, err
}

// syntaxError returns an error that says where data stops being JSON.
func syntaxError(data []byte) error {
	err := json.Unmarshal(data, new(any)) // which looks at the syntax of all before it allocates
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		return fmt.Errorf("not JSON: %w at byte %d", err, syntax.Offset)
	}
	return fmt.Errorf("not JSON: %w", err)
}

// decode sets v to what the object text stands for. The error names the field.
func (t *jsonTable[T]) decode(text jsonText, v *T) error {
	if text[0] != '{' {
		return notA(text, "an object")
	}
	found := make([]jsonText, len(t.fields))
	for key, val := range text.members() {
		i, ok := t.find(key)
		if !ok {
			return fieldError(key.unquote(), errors.New("unknown"))
		}
		if found[i] != nil {
			return fieldError(t.fields[i].name, errors.New("given twice"))
		}
		found[i] = val
	}
	for i, val := range found {
		if val == nil && t.fields[i].absent == nil {
			return fieldError(t.fields[i].name, errors.New("missing"))
		}
	}
	// Fields that may be null come last, in whatever order they are written: the others say whether they are.
	for _, nullable := range []bool{false, true} {
		for i := range t.fields {
			if f := &t.fields[i]; nullable == (f.null != nil) && found[i] != nil {
				if err := f.read(found[i], v); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// find returns the index of the field that the JSON string key names.
func (t *jsonTable[T]) find(key jsonText) (int, bool) {
	i, ok := t.index[string(key[1:len(key)-1])]
	if !ok { // it may be written with escapes
		i, ok = t.index[key.unquote()]
	}
	return i, ok
}

// read sets the field of v to what text stands for. The error names the field.
func (f *jsonField[T]) read(text jsonText, v *T) error {
	isNull := text[0] == 'n'
	switch {
	case f.null == nil || !isNull && !f.null.holds(v):
		return fieldError(f.name, f.decode(text, v))
	case !isNull:
		return fieldError(f.name, fmt.Errorf("%v where null belongs: %s", text, f.null.text))
	case !f.null.holds(v):
		return fieldError(f.name, fmt.Errorf("null is only for when %s", f.null.text))
	}
	return nil
}

// decodeNodes reads the object of all nodes. WindowSize has been read before.
func decodeNodes(text jsonText, s *Snapshot) error {
	if text[0] != '{' {
		return notA(text, "an object")
	}
	s.Nodes = map[string]NodeMetrics{}
	var m NodeMetrics // one for all, as the functions of the table have it moved to the heap
	for key, val := range text.members() {
		name := key.unquote()
		if _, ok := s.Nodes[name]; ok {
			return nodeError(name, errors.New("given twice"))
		}
		m = NodeMetrics{}
		err := nodeTable.decode(val, &m)
		if err == nil {
			err = m.checkInvariants(s.WindowSize)
		}
		if err != nil {
			return nodeError(name, err)
		}
		s.Nodes[name] = m
	}
	return nil
}

// decodeByName reads the object that has a value for each of some nodes, as the field of the snapshot that is named.
func decodeByName[V any](text jsonText, field string, decode func(jsonText, *V) error) (map[string]V, error) {
	if text[0] != '{' {
		return nil, notA(text, "an object")
	}
	values := map[string]V{}
	for key, val := range text.members() {
		name := key.unquote()
		var v V
		err := decode(val, &v)
		if _, ok := values[name]; ok {
			err = errors.New("given twice")
		}
		if err != nil {
			return nil, nodeError(name, fieldError(field, err))
		}
		values[name] = v
	}
	return values, nil
}

// checkInvariants returns an error that names the fields of the JSON, and their values, of which m breaks an invariant
// that every read keeps.
func (m *NodeMetrics) checkInvariants(windowSize int) error {
	count := func(name string, n int) figure { return figure{name, uint64(n), false} }
	millis := func(name string, d time.Duration) figure { return figure{name, uint64(d), true} }
	executions := figure{"totalExecutions", m.TotalExecutions, false}
	samples := count("windowSamples", m.WindowSamples)
	p50, p90, p99 := millis("p50", m.P50), millis("p90", m.P90), millis("p99", m.P99)
	return cmp.Or(
		isSum("totalExecutions", m.TotalExecutions, "successCount and failureCount", m.SuccessCount, m.FailureCount),
		isSum("failureCount", m.FailureCount, "timeoutErrors, validationErrors, networkErrors and otherErrors",
			m.TimeoutErrors, m.ValidationErrors, m.NetworkErrors, m.OtherErrors),
		isSum("retryCount", m.RetryCount, "retriesByAttempt", m.RetriesByAttempt[:]...),
		inOrder(count("windowFailures", m.WindowFailures), samples),
		inOrder(samples, count("windowSize", windowSize)),
		inOrder(samples, executions),
		inOrder(millis("windowMinMs", m.WindowMin), p50),
		inOrder(p50, p90),
		inOrder(p90, p99),
		inOrder(p99, millis("windowMaxMs", m.WindowMax)),
	)
}

// isSum returns an error if the parts do not add up to the total. A sum beyond 64 bits is no total.
func isSum(name string, total uint64, partNames string, parts ...uint64) error {
	var sum, overflow, carry uint64
	for _, part := range parts {
		sum, carry = bits.Add64(sum, part, 0)
		overflow += carry
	}
	if sum == total && overflow == 0 {
		return nil
	}
	// The clone keeps the parts of all the calls that find nothing wrong off the heap.
	return fieldError(name, fmt.Errorf("%d is not the sum of %s: %d", total, partNames, slices.Clone(parts)))
}

// inOrder returns an error if low is above high.
func inOrder(low, high figure) error {
	if low.n <= high.n {
		return nil
	}
	return fieldError(low.name, fmt.Errorf("%v is above %s, which is %v", low, high.name, high))
}

// A figure is one side of an inequality.
type figure struct {
	name   string
	n      uint64
	millis bool // n is in nanoseconds and was read in milliseconds
}

// String returns the value as the JSON has it.
func (f figure) String() string {
	if f.millis {
		return string(appendMillis(nil, time.Duration(f.n)))
	}
	return strconv.FormatUint(f.n, 10)
}

// parseTime reads a time as in RFC 3339 and returns it in UTC.
func parseTime(text jsonText) (time.Time, error) {
	const longest = len(`\u0000`)*len("2006-01-02T15:04:05.999999999-07:00") + len(`""`)
	if text[0] == '"' && len(text) <= longest {
		s := text.unquote()
		if t, err := time.Parse(time.RFC3339Nano, s); err == nil && strictRFC3339(s) && fourDigitYear(t.UTC()) {
			return t.UTC(), nil
		}
	}
	return time.Time{}, notA(text, "a time of RFC 3339 to the nanosecond")
}

// strictRFC3339 refuses what time.Parse forgives: an hour of one digit, a comma before the fraction, an offset of a day
// or with 60 minutes, and digits beyond the nanosecond, which would be lost. Else time.Parse has accepted s.
func strictRFC3339(s string) bool {
	rest := s[len("2006-01-02T15"):]
	if zone := rest[max(0, len(rest)-len("+07:00")):]; zone[0] == '+' || zone[0] == '-' {
		if zone[1:] > "23:59" || zone[len("+07:"):] > "59" {
			return false
		}
	}
	_, fraction, _ := strings.Cut(rest, ".")
	decimals := len(fraction) - len(strings.TrimLeft(fraction, "0123456789"))
	return rest[0] == ':' && !strings.Contains(rest, ",") && decimals <= 9
}

// parseCount reads a whole number from 0 to 2^64 - 1.
func parseCount(text jsonText) (uint64, error) {
	n, err := strconv.ParseUint(string(text), 10, 64)
	if err != nil {
		return 0, notA(text, "a count")
	}
	return n, nil
}

// parseCounts fills counts from an array of as many.
func parseCounts(text jsonText, counts []uint64) (err error) {
	if text[0] != '[' {
		return notA(text, fmt.Sprintf("an array of %d counts", len(counts)))
	}
	i := 0
	for element := range text.elements() {
		if i < len(counts) {
			if counts[i], err = parseCount(element); err != nil {
				return fmt.Errorf("[%d]: %w", i, err)
			}
		}
		i++
	}
	if i != len(counts) {
		return fmt.Errorf("an array of %d is not an array of %d counts", i, len(counts))
	}
	return nil
}

// parseMillis reads a number of milliseconds, from 0 to longest and exact in nanoseconds, digit by digit: neither a
// float64 nor a number as long as its exponent asks for is ever made.
func parseMillis(text jsonText, longest time.Duration) (time.Duration, error) {
	wrong := func() (time.Duration, error) {
		return 0, notA(text, fmt.Sprintf("milliseconds to the nanosecond, from 0 to %s", appendMillis(nil, longest)))
	}
	mantissa, exponent := text, 6 // of the decimal place that n ends in, in nanoseconds
	if i := bytes.IndexAny(text, "eE"); i >= 0 {
		const largest = len("+999")
		e, err := strconv.Atoi(string(text[i+1 : min(len(text), i+1+largest+1)]))
		if err != nil || len(text)-(i+1) > largest {
			return wrong()
		}
		mantissa, exponent = text[:i], exponent+e
	}
	var n uint64
	zeros, fraction, ok := 0, false, true // zeros: the newest digits, not in n as they may be the last
	for _, c := range mantissa {
		switch {
		case c == '.':
			fraction = true
			continue
		case c == '0':
			zeros++
		case '1' <= c && c <= '9':
			if n, ok = timesPowerOf10(n, zeros+1); !ok || n > math.MaxInt64 {
				return wrong()
			}
			n, zeros = n+uint64(c-'0'), 0
		default: // a sign, or no number at all
			return wrong()
		}
		if fraction {
			exponent--
		}
	}
	if n == 0 {
		return 0, nil
	}
	exponent += zeros
	if exponent < 0 {
		return wrong()
	}
	if n, ok = timesPowerOf10(n, exponent); !ok || n > uint64(longest) {
		return wrong()
	}
	return time.Duration(n), nil
}

// timesPowerOf10 returns n times 10 to the power of exponent, and whether that fits: if not, it takes at most 20 steps.
func timesPowerOf10(n uint64, exponent int) (uint64, bool) {
	for ; exponent > 0; exponent-- {
		high, low := bits.Mul64(n, 10)
		if high != 0 {
			return 0, false
		}
		n = low
	}
	return n, true
}

// A jsonText is the text of one JSON value, known to be valid, without white space around it.
type jsonText []byte

// members iterates over the keys, which are JSON strings, and values of an object.
func (t jsonText) members() iter.Seq2[jsonText, jsonText] {
	return func(yield func(key, val jsonText) bool) {
		for rest := skipSpace(t[1:]); rest[0] != '}'; rest = skipComma(rest) {
			var key, val jsonText
			key, rest = cutValue(rest)
			val, rest = cutValue(skipSpace(rest[1:])) // 1 for the colon
			if !yield(key, val) {
				return
			}
		}
	}
}

// elements iterates over the values of an array.
func (t jsonText) elements() iter.Seq[jsonText] {
	return func(yield func(jsonText) bool) {
		for rest := skipSpace(t[1:]); rest[0] != ']'; rest = skipComma(rest) {
			var val jsonText
			val, rest = cutValue(rest)
			if !yield(val) {
				return
			}
		}
	}
}

// cutValue cuts off the value that text, the inside of an object or array, begins with, and the white space after it.
func cutValue(text jsonText) (val, rest jsonText) {
	end := 0
	switch text[0] {
	case '"':
		end = stringLen(text)
	case '{', '[':
		for depth := 1; depth > 0; {
			end++
			switch text[end] {
			case '"':
				end += stringLen(text[end:]) - 1
			case '{', '[':
				depth++
			case '}', ']':
				depth--
			}
		}
		end++
	default:
		for c := text[0]; c > ' ' && c != ',' && c != '}' && c != ']'; c = text[end] {
			end++
		}
	}
	return text[:end:end], skipSpace(text[end:])
}

// stringLen returns the length of the JSON string that text begins with, quotes included.
func stringLen(text jsonText) int {
	i := 1
	for ; text[i] != '"'; i++ {
		if text[i] == '\\' {
			i++ // whatever is escaped is not the end
		}
	}
	return i + 1
}

func skipSpace(text jsonText) jsonText {
	i := 0
	for i < len(text) && text[i] <= ' ' {
		i++
	}
	return text[i:]
}

// skipComma cuts off the comma that text may begin with, and the white space after it.
func skipComma(text jsonText) jsonText {
	if text[0] == ',' {
		return skipSpace(text[1:])
	}
	return text
}

// unquote returns what the JSON string t stands for, with U+FFFD for each bad byte. Without escapes that takes exactly the
// memory of the result, up to three times the input, where encoding/json takes ten times.
func (t jsonText) unquote() string {
	text := t[1 : len(t)-1]
	switch {
	case bytes.IndexByte(text, '\\') >= 0:
		var s string
		_ = json.Unmarshal(t, &s) // its syntax is known to be right
		return s
	case utf8.Valid(text):
		return string(text)
	}
	size := 0
	for _, r := range string(text) {
		size += utf8.RuneLen(r)
	}
	var s strings.Builder
	s.Grow(size)
	for _, r := range string(text) {
		s.WriteRune(r)
	}
	return s.String()
}

// beginning returns a JSON string that is t, or the beginning of t which shorten has enough of.
func (t jsonText) beginning() jsonText {
	// Six bytes, an escape, are at least one; so a pair of escapes that is cut through stands behind what shorten keeps.
	const enough = 6*mostQuoted + 12
	end := 1
	for end < enough {
		switch {
		case t[end] == '"':
			return t
		case t[end] != '\\':
			end++
		case t[end+1] == 'u':
			end += len(`\u0000`)
		default:
			end += len(`\n`)
		}
	}
	return append(slices.Clone(t[:end]), '"')
}

// String describes the value in an error.
func (t jsonText) String() string {
	switch t[0] {
	case '{':
		return "an object"
	case '[':
		return "an array"
	case '"':
		return strconv.Quote(shorten(t.beginning().unquote()))
	}
	return shorten(string(t))
}

// mostQuoted is how many bytes of a text stand in an error.
const mostQuoted = 64

// shorten keeps errors short, whatever they quote.
func shorten(s string) string {
	if len(s) <= mostQuoted {
		return s
	}
	end := mostQuoted
	for end > 0 && !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end] + "…"
}

func notA(text jsonText, want string) error { return fmt.Errorf("%v is not %s", text, want) }

// fieldError says which field err is about. A node's error stays as it is: that it is one of nodes goes without saying.
func fieldError(name string, err error) error {
	if _, ofNode := err.(*jsonNodeError); ofNode || err == nil {
		return err
	}
	return fmt.Errorf("field %q: %w", shorten(name), err)
}

// A jsonNodeError says which node an error is about.
type jsonNodeError struct {
	node string
	err  error
}

func nodeError(name string, err error) error { return &jsonNodeError{name, err} }

func (e *jsonNodeError) Error() string { return fmt.Sprintf("node %q: %v", shorten(e.node), e.err) }
