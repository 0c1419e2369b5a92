// Package jsontable writes, reads, checks and logs objects by tables. A table
// has a row for each field of the JSON, with everything about the field.
//
// The JSON is exact, because durations are milliseconds to the nanosecond. The
// reader skips unknown fields. It refuses everything else that the writer does
// not write. Its errors name the field, and its time and memory are in
// proportion to the input.
package jsontable

import (
	"bytes"
	"cmp"
	"encoding"
	"errors"
	"fmt"
	"math"
	"math/bits"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// A Table describes the JSON object that stands for a T. It has a row for each
// field, in the order of writing. The same rows make the attributes of a T in a
// log. They also judge whether the figures of a T are in range and fit
// together.
type Table[T any] struct {
	what   string // a T, in errors
	Fields []Field[T]
	index  map[string]int // of fields, by name
}

// A Field describes a field of the JSON.
//
// The type that At points to tells the unit and the form in JSON. A uint64 and
// an int are counts, [8]uint64 is an array of counts, and a time.Duration is in
// milliseconds. A Part has a form of its own.
type Field[T any] struct {
	Name string // in JSON: letters and digits
	// At returns a pointer to the value, or a Part. If At is nil, the value is
	// the field of T with the same name, but for the unit Ms.
	At      func(*T) any
	Lowest  uint64        // of an int
	Highest uint64        // of an int; of a string, its bytes; 0: no limit
	Longest time.Duration // of a Duration; 0: no limit
	Words   []string      // the allowed values of a string; nil means any
	Null    *Condition[T] // when exactly the field is null; nil means never
	Absent  func(*T) bool // when the field is left out, and may be missing; nil means never

	// Optional fields may be missing, because an older version did not write
	// them. Each added field is Optional.
	Optional bool

	SumOf  []string // the fields that add up to this field
	AtMost []string // fields that are never below this field
}

// A Part is a field with a form of its own in JSON.
type Part interface {
	AppendJSON(b []byte) ([]byte, error)
	ParseJSON(text Text) error
	Check() error // why ParseJSON refuses the text of AppendJSON, or nil
}

// A Word is a value of a few that have names, which Words of its field lists.
type Word interface {
	fmt.Stringer
	encoding.TextUnmarshaler
}

// A Condition is a condition on fields that are never null themselves.
type Condition[T any] struct {
	text  string // as errors put it
	holds func(*T) bool
}

// When returns the condition that errors put as text.
func When[T any](text string, holds func(*T) bool) *Condition[T] { return &Condition[T]{text, holds} }

// New returns the table of an object. Errors call the object by the first
// argument.
func New[T any](what string, fields ...Field[T]) *Table[T] {
	t := &Table[T]{what, fields, make(map[string]int, len(fields))}
	for i := range fields {
		f := &fields[i]
		t.index[f.Name] = i
		if f.At == nil {
			f.At = fieldOf[T](f.Name)
		}
	}
	return t
}

// fieldOf returns the function that points to a field of a T, by its name in
// JSON. If T does not have the field, fieldOf panics.
func fieldOf[T any](name string) func(*T) any {
	goName := strings.ToUpper(name[:1]) + name[1:]
	field, ok := reflect.TypeFor[T]().FieldByName(goName)
	if !ok {
		field, ok = reflect.TypeFor[T]().FieldByName(strings.TrimSuffix(goName, "Ms"))
	}
	if !ok {
		panic(fmt.Sprintf("jsontable: %v has no field %s", reflect.TypeFor[T](), goName))
	}
	i := field.Index[0]
	return func(v *T) any { return reflect.ValueOf(v).Elem().Field(i).Addr().Interface() }
}

// Named returns fields that have only a name.
func Named[T any](names ...string) []Field[T] {
	fields := make([]Field[T], len(names))
	for i, name := range names {
		fields[i].Name = name
	}
	return fields
}

// Marshal returns the JSON of v alone.
func (t *Table[T]) Marshal(v *T, size int) ([]byte, error) { return Marshal(t, t.what, v, size) }

// Unmarshal sets v to the value of the JSON in data. With an error it leaves v
// unchanged.
func (t *Table[T]) Unmarshal(data []byte, v *T) error { return Unmarshal(t, t.what, data, v) }

// Append appends the object that stands for v. The error names the field.
func (t *Table[T]) Append(b []byte, v *T) ([]byte, error) {
	separator := byte('{')
	for i := range t.Fields {
		f := &t.Fields[i]
		if f.Absent != nil && f.Absent(v) {
			continue
		}
		b = append(b, separator, '"')
		b = append(b, f.Name...)
		b = append(b, '"', ':')
		separator = ','
		if f.Null != nil && f.Null.holds(v) {
			b = append(b, "null"...)
			continue
		}
		var err error
		if b, err = f.encode(b, v); err != nil {
			return nil, FieldError(f.Name, err)
		}
	}
	return append(b, '}'), nil
}

// Parse sets v, a zero T, to the value of an object. Parse skips unknown
// fields. The error names the field.
func (t *Table[T]) Parse(text Text, v *T) error {
	if text[0] != '{' {
		return NotA(text, "an object")
	}
	found := make([]Text, len(t.Fields))
	for key, val := range text.Members() {
		i, known := t.index[string(key[1:len(key)-1])]
		if !known && bytes.IndexByte(key, '\\') >= 0 {
			i, known = t.index[key.Unquote()]
		}
		if !known {
			continue
		}
		if found[i] != nil {
			return FieldError(t.Fields[i].Name, ErrTwice)
		}
		found[i] = val
	}
	// Fields that may be null come last, because the rest tell whether they are
	// null.
	for _, nullable := range []bool{false, true} {
		for i, val := range found {
			f := &t.Fields[i]
			if nullable != (f.Null != nil) || val == nil && (f.Absent != nil || f.Optional) {
				continue
			}
			if err := f.read(val, v); err != nil {
				return FieldError(f.Name, err)
			}
		}
	}
	return t.Check(v)
}

// read sets the field of v to the value of text. A nil text means that the
// field is missing.
func (f *Field[T]) read(text Text, v *T) error {
	if text == nil {
		return ErrMissing
	}
	isNull := text[0] == 'n'
	switch {
	case f.Null == nil || !isNull && !f.Null.holds(v):
		return f.decode(text, v)
	case !isNull:
		return fmt.Errorf("%v where null belongs: %s", text, f.Null.text)
	case !f.Null.holds(v):
		return fmt.Errorf("null is only for when %s", f.Null.text)
	}
	return nil
}

// encode appends the value of the field. It refuses only values without a form.
func (f *Field[T]) encode(b []byte, v *T) ([]byte, error) {
	switch p := f.At(v).(type) {
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
		return AppendMillis(b, *p), nil
	case *float64:
		if !(*p >= 0 && *p <= 1) {
			return nil, fmt.Errorf("%v is not from 0 to 1", *p)
		}
		return AppendFloat(b, *p), nil
	case *time.Time:
		if t := p.UTC(); fourDigitYear(t) {
			return t.AppendFormat(b, `"`+time.RFC3339Nano+`"`), nil
		}
		return nil, f.check(v)
	case *string:
		return appendString(b, ValidUTF8(*p)), nil
	case Word:
		if slices.Contains(f.Words, p.String()) {
			return appendString(b, p.String()), nil
		}
		return nil, f.check(v)
	case *bool:
		return strconv.AppendBool(b, *p), nil
	default:
		return p.(Part).AppendJSON(b)
	}
}

// decode sets the field of v to the value of text.
func (f *Field[T]) decode(text Text, v *T) (err error) {
	switch p := f.At(v).(type) {
	case *uint64:
		*p, err = ParseCount(text)
	case *[8]uint64:
		err = parseCounts(text, p[:])
	case *int:
		var n uint64
		n, err = ParseCount(text)
		if highest := cmp.Or(f.Highest, math.MaxInt); err == nil && (n < f.Lowest || n > highest) {
			err = fmt.Errorf("%d is not from %d to %d", n, f.Lowest, highest)
		}
		*p = int(n)
	case *time.Duration:
		*p, err = ParseMillis(text, cmp.Or(f.Longest, math.MaxInt64))
	case *float64:
		if *p, err = strconv.ParseFloat(string(text), 64); err != nil || !(*p >= 0 && *p <= 1) {
			err = NotA(text, "a number from 0 to 1")
		}
	case *time.Time:
		*p, err = parseTime(text)
	case *string:
		*p, err = f.parseString(text)
	case Word:
		if text[0] != '"' || p.UnmarshalText([]byte(text.Unquote())) != nil {
			err = NotA(text, quoted(f.Words))
		}
	case *bool:
		if *p = text[0] == 't'; text[0] != 't' && text[0] != 'f' {
			err = NotA(text, "true or false")
		}
	default:
		err = p.(Part).ParseJSON(text)
	}
	return err
}

// parseString reads a string. It does not unquote a string that is far too
// long.
func (f *Field[T]) parseString(text Text) (string, error) {
	const escaped = len(`\u0000`)
	highest := int(f.Highest)
	for _, word := range f.Words {
		highest = max(highest, len(word))
	}
	short := highest == 0 || len(text) <= escaped*highest+len(`""`)
	switch {
	case text[0] != '"' && f.Words == nil:
		return "", NotA(text, "a string")
	case f.Words != nil:
		if text[0] == '"' && short && slices.Contains(f.Words, text.Unquote()) {
			return text.Unquote(), nil
		}
		return "", NotA(text, quoted(f.Words))
	case !short:
		return "", fmt.Errorf("more than %d bytes", highest)
	}
	return text.Unquote(), nil
}

// Check returns an error that names a field of v. The field is out of range, is
// not the sum of its parts, or is above its AtMost.
func (t *Table[T]) Check(v *T) error {
	for i := range t.Fields {
		if f := &t.Fields[i]; f.Absent == nil || !f.Absent(v) {
			if err := f.check(v); err != nil {
				return FieldError(f.Name, err)
			}
		}
	}
	for i := range t.Fields {
		f := &t.Fields[i]
		if err := t.checkSum(f, v); err != nil {
			return FieldError(f.Name, err)
		}
		for _, name := range f.AtMost {
			high := &t.Fields[t.index[name]]
			if f.number(v) > high.number(v) {
				return FieldError(f.Name, Above(f.text(v), name, high.text(v)))
			}
		}
	}
	return nil
}

// Above returns an error that says which value is above another.
func Above(low, name, high string) error {
	return fmt.Errorf("%s is above %s, which is %s", low, name, high)
}

// check returns an error if the field of v is out of range.
func (f *Field[T]) check(v *T) error {
	at := f.At(v)
	if f.Null != nil && f.Null.holds(v) {
		if p, ok := at.(*time.Duration); ok && *p != 0 {
			return errors.New(f.Null.text)
		}
		return nil
	}
	switch p := at.(type) {
	case *int:
		switch {
		case *p < 0 && f.Highest == 0:
			return fmt.Errorf("%d is negative", *p)
		case *p < int(f.Lowest) || f.Highest > 0 && *p > int(f.Highest):
			return fmt.Errorf("%d is not from %d to %d", *p, f.Lowest, f.Highest)
		}
	case *time.Duration:
		switch {
		case f.Longest > 0 && (*p < 0 || *p > f.Longest):
			return fmt.Errorf("%v is not from 0 to %v", *p, f.Longest)
		case *p < 0:
			return fmt.Errorf("%v is negative", *p)
		}
	case *time.Time:
		if year := p.UTC().Year(); !fourDigitYear(p.UTC()) {
			return fmt.Errorf("year %d is not from 0 to 9999", year)
		}
	case *string:
		switch {
		case f.Words != nil && !slices.Contains(f.Words, *p):
			return fmt.Errorf("%q is not %s", Shorten(*p), quoted(f.Words))
		case f.Highest > 0 && uint64(len(*p)) > f.Highest:
			return fmt.Errorf("%d bytes are more than %d", len(*p), f.Highest)
		case !utf8.ValidString(*p):
			return errors.New("it is not valid UTF-8")
		}
	case Word:
		if !slices.Contains(f.Words, p.String()) {
			return fmt.Errorf("%v is not %s", p, quoted(f.Words))
		}
	case Part:
		return p.Check()
	}
	return nil
}

// checkSum returns an error if the field has parts and is not their sum. A sum
// beyond 64 bits is no total.
func (t *Table[T]) checkSum(f *Field[T], v *T) error {
	if f.SumOf == nil {
		return nil
	}
	var buffer [8]*uint64
	parts := buffer[:0]
	for _, name := range f.SumOf {
		parts = t.Fields[t.index[name]].AppendCounts(parts, v)
	}
	var sum, overflow, carry uint64
	for _, n := range parts {
		sum, carry = bits.Add64(sum, *n, 0)
		overflow += carry
	}
	if f.number(v) == sum && overflow == 0 {
		return nil
	}
	values := make([]uint64, len(parts))
	for i, n := range parts {
		values[i] = *n
	}
	names := strings.Join(f.SumOf, ", ")
	if i := strings.LastIndex(names, ", "); i >= 0 {
		names = names[:i] + " and " + names[i+len(", "):]
	}
	return fmt.Errorf("%d is not the sum of %s: %d", f.number(v), names, values)
}

// AppendCounts appends the counts of a field, which are none, one, or eight.
func (f *Field[T]) AppendCounts(to []*uint64, v *T) []*uint64 {
	switch p := f.At(v).(type) {
	case *uint64:
		to = append(to, p)
	case *[8]uint64:
		for i := range p {
			to = append(to, &p[i])
		}
	}
	return to
}

// number returns the value of a field that is a count or a duration and not
// negative.
func (f *Field[T]) number(v *T) uint64 {
	switch p := f.At(v).(type) {
	case *uint64:
		return *p
	case *int:
		return uint64(*p)
	default:
		return uint64(*p.(*time.Duration))
	}
}

// text returns the value of a field as in the JSON.
func (f *Field[T]) text(v *T) string {
	b, _ := f.encode(nil, v)
	return string(b)
}

// Attributes returns names and values for a log, in turn. A Duration is in
// nanoseconds and its name says so. Attributes leaves out fields that are null
// or absent in JSON, and a Part without a value for a log.
func (t *Table[T]) Attributes(v *T) []any {
	attributes := make([]any, 0, 2*len(t.Fields))
	for i := range t.Fields {
		f := &t.Fields[i]
		if f.Null != nil && f.Null.holds(v) || f.Absent != nil && f.Absent(v) {
			continue
		}
		name, value := f.Name, f.At(v)
		switch p := value.(type) {
		case *time.Duration:
			name, value = strings.TrimSuffix(name, "Ms")+"Ns", p.Nanoseconds()
		case interface{ LogValue() any }:
			if value = p.LogValue(); value == nil {
				continue
			}
		case Part:
			continue
		case *time.Time:
			value = *p
		case Word:
			value = p.String()
		default:
			value = reflect.ValueOf(p).Elem().Interface()
		}
		attributes = append(attributes, name, value)
	}
	return attributes
}

// AppendByName appends the object that has a value for each node, in name
// order. The error names the node.
func AppendByName[V any](b []byte, values map[string]V, encode func([]byte, *V) ([]byte, error)) ([]byte, error) {
	values, err := ValidNames(values)
	if err != nil {
		return nil, err
	}
	names := make([]string, 0, len(values)) // A single allocation for any number.
	for name := range values {
		names = append(names, name)
	}
	slices.Sort(names)
	var v V // A single v for all, because encode moves v to the heap.
	separator := byte('{')
	for _, name := range names {
		b = append(appendString(append(b, separator), name), ':')
		separator = ','
		v = values[name]
		if b, err = encode(b, &v); err != nil {
			return nil, NodeError(name, err)
		}
	}
	if len(values) == 0 {
		b = append(b, separator)
	}
	return append(b, '}'), nil
}

// ParseByName calls read with the name and the value of each node.
func ParseByName(text Text, read func(name string, val Text) error) error {
	if text[0] != '{' {
		return NotA(text, "an object")
	}
	for key, val := range text.Members() {
		name := key.Unquote()
		if err := read(name, val); err != nil {
			return NodeError(name, err)
		}
	}
	return nil
}

// ValidNames returns the map with all names made valid UTF-8. If all names are
// valid, it returns the map itself. If two names become the same, the error
// names that node.
func ValidNames[V any](values map[string]V) (map[string]V, error) {
	allValid := true
	for name := range values {
		allValid = allValid && utf8.ValidString(name)
	}
	if allValid {
		return values, nil
	}
	valid := make(map[string]V, len(values))
	for name, v := range values {
		name = ValidUTF8(name)
		if _, twice := valid[name]; twice {
			return nil, NodeError(name, errors.New("two names are this one, as invalid UTF-8 becomes U+FFFD"))
		}
		valid[name] = v
	}
	return valid, nil
}

// ValidUTF8 puts U+FFFD in the place of each run of bytes that are not UTF-8.
func ValidUTF8(s string) string { return strings.ToValidUTF8(s, string(utf8.RuneError)) }

// quoted returns the words as an error lists them.
func quoted(words []string) string { return `"` + strings.Join(words, `" or "`) + `"` }

// appendString appends s, which is valid UTF-8, as a JSON string. It escapes
// only characters that must be escaped.
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

// AppendFloat appends a number without an exponent, which some readers of JSON
// do not know.
func AppendFloat(b []byte, x float64) []byte { return strconv.AppendFloat(b, x, 'f', -1, 64) }

// AppendMillis appends d in milliseconds, exactly and in as few digits as
// possible. d is not negative.
func AppendMillis(b []byte, d time.Duration) []byte {
	b = strconv.AppendInt(b, int64(d/time.Millisecond), 10)
	var buffer [7]byte
	fraction := strconv.AppendInt(buffer[:0], int64(time.Millisecond+d%time.Millisecond), 10)
	fraction[0] = '.'
	return append(b, bytes.TrimRight(fraction, ".0")...)
}
