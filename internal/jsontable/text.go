package jsontable

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// A Text is the valid text of one JSON value without white space around it.
//
// Package json judges the syntax and unquotes strings, and cut splits objects
// and arrays. Package json cannot split them within the bound of ParseSnapshot,
// which is 10 bytes for each byte of input. A map loses keys that are given
// twice, and a struct ignores their case. A json.Decoder allocates 35 bytes for
// each byte of {"a":0,"a":0,…}, and 12 for each byte of a snapshot.
type Text []byte

// Valid returns the value that data is the JSON of.
func Valid(data []byte) (Text, error) {
	if json.Valid(data) {
		return bytes.TrimSpace(data), nil
	}
	err := json.Unmarshal(data, new(json.RawMessage))
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		return nil, fmt.Errorf("not JSON: %w at byte %d", err, syntax.Offset)
	}
	return nil, fmt.Errorf("not JSON: %w", err)
}

// Members iterates over the keys, which are JSON strings, and the values of an
// object.
func (t Text) Members() iter.Seq2[Text, Text] {
	return func(yield func(key, value Text) bool) {
		for rest := t.inside(); len(rest) > 0; {
			var key, value Text
			key, rest = rest.cut()
			value, rest = rest.cut()
			if !yield(key, value) {
				return
			}
		}
	}
}

// Elements iterates over the values of an array.
func (t Text) Elements() iter.Seq[Text] {
	return func(yield func(Text) bool) {
		for rest := t.inside(); len(rest) > 0; {
			var value Text
			if value, rest = rest.cut(); !yield(value) {
				return
			}
		}
	}
}

// inside returns the text between the brackets of an object or an array.
func (t Text) inside() Text { return bytes.TrimSpace(t[1 : len(t)-1]) }

// cut returns the first value of t, and the text after the comma or the colon
// that follows. t is the inside of an object or an array.
func (t Text) cut() (value, rest Text) {
	depth, quoted := 0, false
	for i := 0; i < len(t); i++ {
		switch c := t[i]; {
		case quoted && c == '\\':
			i++ // The character that is escaped never ends the string.
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			depth++
		case c == '}' || c == ']':
			depth--
		case depth == 0 && (c == ',' || c == ':'):
			return bytes.TrimSpace(t[:i]), t[i+1:]
		}
	}
	return bytes.TrimSpace(t), nil
}

// Unquote returns the value of a JSON string, with U+FFFD for each bad byte. A
// string without escapes takes at most 8 bytes for each of its bytes, and json
// takes 14.
func (t Text) Unquote() string {
	switch text := t[1 : len(t)-1]; {
	case bytes.IndexByte(text, '\\') >= 0:
		var s string              // on the heap, so only here
		_ = json.Unmarshal(t, &s) // The syntax is known to be right.
		return s
	case utf8.Valid(text):
		return string(text)
	default:
		return string([]rune(string(text)))
	}
}

// String describes the value in an error. It quotes a long string as written.
func (t Text) String() string {
	const long = 1000
	switch {
	case t[0] == '{':
		return "an object"
	case t[0] == '[':
		return "an array"
	case t[0] == '"' && len(t) <= long:
		return strconv.Quote(Shorten(t.Unquote()))
	case t[0] == '"':
		return strconv.Quote(Shorten(string(t[1:long])))
	}
	return Shorten(string(t[:min(len(t), long)]))
}

// mostQuoted is how many bytes of a text stand in an error.
const mostQuoted = 64

// Shorten returns s, or its beginning and "…" if it is long.
func Shorten(s string) string {
	if len(s) <= mostQuoted {
		return s
	}
	end := mostQuoted
	for end > 0 && !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end] + "…"
}

// NotA returns an error that names the wanted kind of value.
func NotA(text Text, want string) error { return fmt.Errorf("%v is not %s", text, want) }

// FieldError returns err with the name of its field. An error about a node
// stays unchanged.
func FieldError(name string, err error) error {
	if _, is := err.(*ofNode); is || err == nil {
		return err
	}
	return fmt.Errorf("field %q: %w", Shorten(name), err)
}

// NodeError returns err with the name of its node.
func NodeError(name string, err error) error {
	if err == nil {
		return nil
	}
	return &ofNode{name, err}
}

// An ofNode is an error about a node.
type ofNode struct {
	node string
	err  error
}

func (e *ofNode) Error() string { return fmt.Sprintf("node %q: %v", Shorten(e.node), e.err) }

// Errors about fields and nodes.
var (
	ErrTwice   = errors.New("given twice")
	ErrMissing = errors.New("missing")
)

// ParseCount reads a whole number from 0 to 2^64 - 1.
func ParseCount(text Text) (uint64, error) {
	n, err := strconv.ParseUint(string(text), 10, 64)
	if err != nil {
		return 0, NotA(text, "a count")
	}
	return n, nil
}

// parseCounts fills counts from an array of as many.
func parseCounts(text Text, counts []uint64) (err error) {
	if text[0] != '[' {
		return NotA(text, fmt.Sprintf("an array of %d counts", len(counts)))
	}
	i := 0
	for element := range text.Elements() {
		if i < len(counts) {
			if counts[i], err = ParseCount(element); err != nil {
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

// ParseMillis reads a number of milliseconds from 0 to longest, exactly to the
// nanosecond. A large exponent makes it build no long number.
func ParseMillis(text Text, longest time.Duration) (time.Duration, error) {
	wrong := func() (time.Duration, error) {
		return 0, NotA(text, fmt.Sprintf("milliseconds to the nanosecond, from 0 to %s", AppendMillis(nil, longest)))
	}
	number, decimals := string(text), 6 // Digits behind the point that are whole nanoseconds.
	if i := strings.IndexAny(number, "eE"); i >= 0 {
		const longestExponent = len("+999")
		exponent, err := strconv.Atoi(number[i+1:])
		if err != nil || len(number)-(i+1) > longestExponent {
			return wrong()
		}
		number, decimals = number[:i], decimals+exponent
	}
	whole, fraction, _ := strings.Cut(number, ".")
	decimals += len(whole)
	padded := whole + fraction
	digits := strings.TrimLeft(padded, "0")
	decimals -= len(padded) - len(digits)
	digits = strings.TrimRight(digits, "0")
	const zeros = "0000000000000000000" // the digits of an int64
	switch {
	case digits == "":
		return 0, nil
	case decimals < len(digits) || decimals > len(zeros):
		return wrong()
	}
	n, err := strconv.ParseUint(digits+zeros[len(digits):decimals], 10, 63)
	if err != nil || n > uint64(longest) {
		return wrong()
	}
	return time.Duration(n), nil
}

// parseTime reads a time of RFC 3339 and returns it in UTC.
func parseTime(text Text) (time.Time, error) {
	const longest = len(`\u0000`)*len("2006-01-02T15:04:05.999999999-07:00") + len(`""`)
	if text[0] == '"' && len(text) <= longest {
		s := text.Unquote()
		if t, err := time.Parse(time.RFC3339Nano, s); err == nil && strictRFC3339(s) && fourDigitYear(t.UTC()) {
			return t.UTC(), nil
		}
	}
	return time.Time{}, NotA(text, "a time of RFC 3339 to the nanosecond")
}

// strictRFC3339 reports whether s, which time.Parse has accepted, is one of RFC
// 3339 to the nanosecond. time.Parse accepts an hour of one digit, a comma
// before the fraction, an offset of a day or with 60 minutes, and further
// digits.
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

// fourDigitYear reports whether RFC 3339 can express t.
func fourDigitYear(t time.Time) bool { return t.Year() >= 0 && t.Year() <= 9999 }
