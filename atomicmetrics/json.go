package atomicmetrics

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"math"
	"math/bits"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// A table is the JSON object that stands for a T. It has a row for each field,
// in the order in which they are written. The same rows make the attributes of a
// T in a log, and judge whether its figures are in range and fit together.
type table[T any] struct {
	what   string // a T, in errors
	fields []field[T]
	index  map[string]int // of fields, by name
}

// A field is all there is to say about one field.
//
// The type that at points to tells the unit and the form in JSON: uint64 and int
// are counts, [8]uint64 an array of counts, and a time.Duration is in
// milliseconds. A part has its own form.
type field[T any] struct {
	name    string        // in JSON: letters and digits
	at      func(*T) any  // points to the value, or is a part
	lowest  uint64        // of an int
	highest uint64        // of an int; of a string, its bytes; 0: no limit
	longest time.Duration // of a Duration; 0: no limit
	words   []string      // all that a string can be; nil: anything
	null    *condition[T] // when the field is null, and only then; nil: never
	absent  func(*T) bool // when the field is left out; nil: never
	sumOf   []string      // the fields that add up to this one
	atMost  []string      // fields that are never below this one
	window  bool          // whether the figure is of the window
}

// A part is a field whose form in JSON is its own.
type part interface {
	appendJSON(b []byte) ([]byte, error)
	parseJSON(text jsonText) error
	check() error // why ParseSnapshot refuses the value in its JSON; nil if it does not
}

// A condition is a condition on fields that are never null themselves.
type condition[T any] struct {
	text  string // as errors put it
	holds func(*T) bool
}

func newTable[T any](what string, fields ...field[T]) *table[T] {
	t := &table[T]{what, fields, make(map[string]int, len(fields))}
	for i, f := range fields {
		t.index[f.name] = i
	}
	return t
}

// marshal returns the JSON of v alone.
func (t *table[T]) marshal(v *T, size int) ([]byte, error) {
	b, err := t.encode(make([]byte, 0, size), v)
	if err != nil {
		return nil, fmt.Errorf("atomicmetrics: %s: %w", t.what, err)
	}
	return b, nil
}

// unmarshal sets v to the value that data is the JSON of. With an error it leaves
// v as it was.
func (t *table[T]) unmarshal(data []byte, v *T) error {
	var parsed T
	text, err := validJSON(data)
	if err == nil {
		err = t.decode(text, &parsed)
	}
	if err != nil {
		return fmt.Errorf("atomicmetrics: %s: %w", t.what, err)
	}
	*v = parsed
	return nil
}

// encode appends the object that stands for v. The error names the field.
func (t *table[T]) encode(b []byte, v *T) ([]byte, error) {
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

// decode sets v, a zero T, to the value of an object. Fields that it does not know
// are skipped. The error names the field.
func (t *table[T]) decode(text jsonText, v *T) error {
	if text[0] != '{' {
		return notA(text, "an object")
	}
	found := make([]jsonText, len(t.fields))
	for key, val := range text.members() {
		i, known := t.index[string(key[1:len(key)-1])]
		if !known && bytes.IndexByte(key, '\\') >= 0 {
			i, known = t.index[key.unquote()]
		}
		if !known {
			continue
		}
		if found[i] != nil {
			return fieldError(t.fields[i].name, errTwice)
		}
		found[i] = val
	}
	// The fields that may be null come last, because the others tell whether
	// they are.
	for _, nullable := range []bool{false, true} {
		for i, val := range found {
			f := &t.fields[i]
			if nullable != (f.null != nil) || val == nil && f.absent != nil {
				continue
			}
			if err := f.read(val, v); err != nil {
				return fieldError(f.name, err)
			}
		}
	}
	return t.check(v)
}

// read sets the field of v to the value of text, which is nil if it is missing.
func (f *field[T]) read(text jsonText, v *T) error {
	if text == nil {
		return errMissing
	}
	isNull := text[0] == 'n'
	switch {
	case f.null == nil || !isNull && !f.null.holds(v):
		return f.decode(text, v)
	case !isNull:
		return fmt.Errorf("%v where null belongs: %s", text, f.null.text)
	case !f.null.holds(v):
		return fmt.Errorf("null is only for when %s", f.null.text)
	}
	return nil
}

// encode appends the value of the field. It refuses only what has no form.
func (f *field[T]) encode(b []byte, v *T) ([]byte, error) {
	switch p := f.at(v).(type) {
	case *uint64:
		return strconv.AppendUint(b, *p, 10), nil
	case *[8]uint64:
		separator := byte('[')
		for _, n := range p {
			b = strconv.AppendUint(append(b, separator), n, 10)
			separator = ','
		}
		return append(b, ']'), nil
	case *int:
		if *p < 0 {
			return nil, fmt.Errorf("%d is not a count", *p)
		}
		return strconv.AppendInt(b, int64(*p), 10), nil
	case *time.Duration:
		if *p < 0 {
			return nil, fmt.Errorf("%v is negative", *p)
		}
		return appendMillis(b, *p), nil
	case *float64:
		if !(*p >= 0 && *p <= 1) {
			return nil, fmt.Errorf("%v is not from 0 to 1", *p)
		}
		return appendFloat(b, *p), nil
	case *time.Time:
		if t := p.UTC(); fourDigitYear(t) {
			return t.AppendFormat(b, `"`+time.RFC3339Nano+`"`), nil
		}
		return nil, f.check(v)
	case *string:
		return appendString(b, validUTF8(*p)), nil
	case *Category:
		if *p >= categories {
			return nil, f.check(v)
		}
		return appendString(b, p.String()), nil
	case *EventKind:
		if *p >= eventKinds {
			return nil, f.check(v)
		}
		return appendString(b, p.String()), nil
	case *bool:
		return strconv.AppendBool(b, *p), nil
	default:
		return p.(part).appendJSON(b)
	}
}

// decode sets the field of v to the value of text.
func (f *field[T]) decode(text jsonText, v *T) (err error) {
	switch p := f.at(v).(type) {
	case *uint64:
		*p, err = parseCount(text)
	case *[8]uint64:
		err = parseCounts(text, p[:])
	case *int:
		var n uint64
		n, err = parseCount(text)
		if highest := cmp.Or(f.highest, math.MaxInt); err == nil && (n < f.lowest || n > highest) {
			err = fmt.Errorf("%d is not from %d to %d", n, f.lowest, highest)
		}
		*p = int(n)
	case *time.Duration:
		*p, err = parseMillis(text, cmp.Or(f.longest, math.MaxInt64))
	case *float64:
		if *p, err = strconv.ParseFloat(string(text), 64); err != nil || !(*p >= 0 && *p <= 1) {
			err = notA(text, "a number from 0 to 1")
		}
	case *time.Time:
		*p, err = parseTime(text)
	case *string:
		*p, err = f.parseString(text)
	case *Category:
		if text[0] != '"' || p.UnmarshalText([]byte(text.unquote())) != nil {
			err = notA(text, quotedWords(categoryNames[:]))
		}
	case *EventKind:
		if text[0] != '"' || p.UnmarshalText([]byte(text.unquote())) != nil {
			err = notA(text, quotedWords(eventKindNames[:]))
		}
	case *bool:
		if *p = text[0] == 't'; text[0] != 't' && text[0] != 'f' {
			err = notA(text, "true or false")
		}
	default:
		err = p.(part).parseJSON(text)
	}
	return err
}

// parseString reads a string. It unquotes none that is far too long.
func (f *field[T]) parseString(text jsonText) (string, error) {
	const escaped = len(`\u0000`)
	highest := int(f.highest)
	for _, word := range f.words {
		highest = max(highest, len(word))
	}
	short := highest == 0 || len(text) <= escaped*highest+len(`""`)
	switch {
	case text[0] != '"' && f.words == nil:
		return "", notA(text, "a string")
	case f.words != nil:
		if text[0] == '"' && short && slices.Contains(f.words, text.unquote()) {
			return text.unquote(), nil
		}
		return "", notA(text, quotedWords(f.words))
	case !short:
		return "", fmt.Errorf("more than %d bytes", highest)
	}
	return text.unquote(), nil
}

// check returns an error that names a field of v which is out of range, or is not
// the sum of its parts, or is above a field that it is never above.
func (t *table[T]) check(v *T) error {
	for i := range t.fields {
		if f := &t.fields[i]; f.absent == nil || !f.absent(v) {
			if err := f.check(v); err != nil {
				return fieldError(f.name, err)
			}
		}
	}
	for i := range t.fields {
		f := &t.fields[i]
		if err := t.checkSum(f, v); err != nil {
			return fieldError(f.name, err)
		}
		for _, name := range f.atMost {
			high := &t.fields[t.index[name]]
			if f.number(v) > high.number(v) {
				return fieldError(f.name, isAbove(f.text(v), name, high.text(v)))
			}
		}
	}
	return nil
}

func isAbove(low, name, high string) error {
	return fmt.Errorf("%s is above %s, which is %s", low, name, high)
}

// check returns an error if the field of v is out of range.
func (f *field[T]) check(v *T) error {
	at := f.at(v)
	if f.null != nil && f.null.holds(v) {
		if p, ok := at.(*time.Duration); ok && *p != 0 {
			return errors.New(f.null.text)
		}
		return nil
	}
	switch p := at.(type) {
	case *int:
		switch {
		case *p < 0 && f.highest == 0:
			return fmt.Errorf("%d is negative", *p)
		case *p < int(f.lowest) || f.highest > 0 && *p > int(f.highest):
			return fmt.Errorf("%d is not from %d to %d", *p, f.lowest, f.highest)
		}
	case *time.Duration:
		switch {
		case f.longest > 0 && (*p < 0 || *p > f.longest):
			return fmt.Errorf("%v is not from 0 to %v", *p, f.longest)
		case *p < 0:
			return fmt.Errorf("%v is negative", *p)
		}
	case *time.Time:
		if year := p.UTC().Year(); !fourDigitYear(p.UTC()) {
			return fmt.Errorf("year %d is not from 0 to 9999", year)
		}
	case *string:
		switch {
		case f.words != nil && !slices.Contains(f.words, *p):
			return fmt.Errorf("%q is not %s", shorten(*p), quotedWords(f.words))
		case f.highest > 0 && uint64(len(*p)) > f.highest:
			return fmt.Errorf("%d bytes are more than %d", len(*p), f.highest)
		case !utf8.ValidString(*p):
			return errors.New("it is not valid UTF-8")
		}
	case *Category:
		if *p >= categories {
			return fmt.Errorf("%v is not a category", *p)
		}
	case *EventKind:
		if *p >= eventKinds {
			return fmt.Errorf("%v is not a kind of event", *p)
		}
	case part:
		return p.check()
	}
	return nil
}

// checkSum returns an error unless the field is the sum of its parts, if it has
// some. A sum beyond 64 bits is no total.
func (t *table[T]) checkSum(f *field[T], v *T) error {
	if f.sumOf == nil {
		return nil
	}
	var sum, overflow, carry uint64
	var parts []uint64
	add := func(n uint64) {
		sum, carry = bits.Add64(sum, n, 0)
		overflow += carry
	}
	for _, name := range f.sumOf {
		for _, n := range t.fields[t.index[name]].counts(v) {
			add(*n)
		}
	}
	if f.number(v) == sum && overflow == 0 {
		return nil
	}
	for _, name := range f.sumOf {
		for _, n := range t.fields[t.index[name]].counts(v) {
			parts = append(parts, *n)
		}
	}
	names := strings.Join(f.sumOf, ", ")
	if i := strings.LastIndex(names, ", "); i >= 0 {
		names = names[:i] + " and " + names[i+len(", "):]
	}
	return fmt.Errorf("%d is not the sum of %s: %d", f.number(v), names, parts)
}

// counts returns the counts that a field is or has: none, one, or eight.
func (f *field[T]) counts(v *T) (all []*uint64) {
	switch p := f.at(v).(type) {
	case *uint64:
		all = append(all, p)
	case *[8]uint64:
		for i := range p {
			all = append(all, &p[i])
		}
	}
	return all
}

// number returns the value of a field that is a count or a duration and not
// negative.
func (f *field[T]) number(v *T) uint64 {
	switch p := f.at(v).(type) {
	case *uint64:
		return *p
	case *int:
		return uint64(*p)
	default:
		return uint64(*p.(*time.Duration))
	}
}

// text returns the value of a field as it stands in JSON.
func (f *field[T]) text(v *T) string {
	b, _ := f.encode(nil, v)
	return string(b)
}

// attributes returns names and values for a log, in turn. A Duration is in
// nanoseconds and its name says so. What is null in JSON is left out.
func (t *table[T]) attributes(v *T) []any {
	attributes := make([]any, 0, 2*len(t.fields))
	for i := range t.fields {
		f := &t.fields[i]
		if f.null != nil && f.null.holds(v) {
			continue
		}
		name, value := f.name, f.at(v)
		switch p := value.(type) {
		case *uint64:
			value = *p
		case *[8]uint64:
			value = p[:]
		case *int:
			value = *p
		case *bool:
			value = *p
		case *time.Duration:
			name, value = strings.TrimSuffix(name, "Ms")+"Ns", p.Nanoseconds()
		case interface{ logValue() any }:
			value = p.logValue()
		}
		attributes = append(attributes, name, value)
	}
	return attributes
}

// appendByName appends the object that has a value for each node, in name order.
// The error names the node.
func appendByName[V any](b []byte, values map[string]V, encode func([]byte, *V) ([]byte, error)) ([]byte, error) {
	values, err := validNames(values)
	if err != nil {
		return nil, err
	}
	var v V // One for all, because encode has it moved to the heap.
	separator := byte('{')
	for _, name := range sortedKeys(values) {
		b = append(appendString(append(b, separator), name), ':')
		separator = ','
		v = values[name]
		if b, err = encode(b, &v); err != nil {
			return nil, nodeError(name, err)
		}
	}
	if len(values) == 0 {
		b = append(b, separator)
	}
	return append(b, '}'), nil
}

// parseByName calls read with the name and the value of each node.
func parseByName(text jsonText, read func(name string, val jsonText) error) error {
	if text[0] != '{' {
		return notA(text, "an object")
	}
	for key, val := range text.members() {
		name := key.unquote()
		if err := read(name, val); err != nil {
			return nodeError(name, err)
		}
	}
	return nil
}

// validNames returns the map with all names made valid UTF-8, and the map itself
// if they are. The error names a node that two names then stand for.
func validNames[V any](values map[string]V) (map[string]V, error) {
	allValid := true
	for name := range values {
		allValid = allValid && utf8.ValidString(name)
	}
	if allValid {
		return values, nil
	}
	valid := make(map[string]V, len(values))
	for name, v := range values {
		name = validUTF8(name)
		if _, twice := valid[name]; twice {
			return nil, nodeError(name, errors.New("two names are this one, as invalid UTF-8 becomes U+FFFD"))
		}
		valid[name] = v
	}
	return valid, nil
}

// validUTF8 puts U+FFFD in the place of each run of bytes that are not UTF-8.
func validUTF8(s string) string { return strings.ToValidUTF8(s, string(utf8.RuneError)) }

// quotedWords returns the words as an error lists them.
func quotedWords(words []string) string { return `"` + strings.Join(words, `" or "`) + `"` }

// appendString appends s, which is valid UTF-8, as a JSON string. It escapes only
// what must be escaped.
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

// appendFloat appends a number without an exponent, which some readers of JSON do
// not know.
func appendFloat(b []byte, x float64) []byte { return strconv.AppendFloat(b, x, 'f', -1, 64) }

// appendMillis appends d, which is not negative, in milliseconds: exactly, in as
// few digits as that takes.
func appendMillis(b []byte, d time.Duration) []byte {
	b = strconv.AppendInt(b, int64(d/time.Millisecond), 10)
	var buffer [7]byte
	fraction := strconv.AppendInt(buffer[:0], int64(time.Millisecond+d%time.Millisecond), 10)
	fraction[0] = '.'
	return append(b, bytes.TrimRight(fraction, ".0")...)
}

// millis returns a duration as the JSON has it.
func millis(d time.Duration) []byte { return appendMillis(nil, d) }
