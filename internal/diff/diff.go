// Package diff says in few words where two values of a test differ.
package diff

import (
	"fmt"
	"reflect"
	"strings"
)

// Fields returns a line for each field in which two structs differ. If two
// values are no structs and differ, Fields shows both.
func Fields[T any](got, want T) string {
	g, w := reflect.ValueOf(got), reflect.ValueOf(want)
	if g.Kind() != reflect.Struct {
		return fmt.Sprintf("got %v, want %v", got, want)
	}
	var b strings.Builder
	for i := range g.NumField() {
		// Sprintf shows unexported fields too, which Interface does not
		// return.
		if got, want := fmt.Sprintf("%#v", g.Field(i)), fmt.Sprintf("%#v", w.Field(i)); got != want {
			fmt.Fprintf(&b, "\n\t%s: got %v, want %v", g.Type().Field(i).Name, g.Field(i), w.Field(i))
		}
	}
	return b.String()
}

// Lists returns the first element in which two lists differ, with two elements
// before and after. If the lists do not differ, Lists returns "".
func Lists[T comparable](got, want []T) string {
	at := 0
	for at < len(got) && at < len(want) && got[at] == want[at] {
		at++
	}
	if at == len(got) && at == len(want) {
		return ""
	}
	var b strings.Builder
	fmt.Fprintf(&b, "first difference at [%d]; got %d elements, want %d", at, len(got), len(want))
	const beside = 2
	for i := max(0, at-beside); i < at; i++ {
		fmt.Fprintf(&b, "\n\t[%d]  both %+v", i, got[i])
	}
	for _, list := range []struct {
		name     string
		elements []T
	}{{"got", got}, {"want", want}} {
		for i := at; i <= min(at+beside, len(list.elements)-1); i++ {
			fmt.Fprintf(&b, "\n\t[%d]  %s %+v", i, list.name, list.elements[i])
		}
		if at >= len(list.elements) {
			fmt.Fprintf(&b, "\n\t[%d]  %s nothing", at, list.name)
		}
	}
	return b.String()
}
