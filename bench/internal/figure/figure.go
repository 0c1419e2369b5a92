// Package figure writes values for people.
package figure

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Text writes a value with three digits that count and the unit that people would choose.
func Text(value float64, unit string) string {
	switch {
	case unit == "ns/op" || strings.HasSuffix(unit, "-ns") || strings.Contains(unit, "-ns/"):
		return Duration(value)
	case unit == "B/op" || strings.HasPrefix(unit, "bytes/"):
		return Grouped(math.Round(value)) + " B"
	case unit == "allocs/op":
		return Grouped(math.Round(value))
	case strings.HasSuffix(unit, "/s"):
		return scaled(value, 1000, []string{"", " k", " M", " G"}) + "/s"
	}
	return Digits(value)
}

// Duration writes nanoseconds.
func Duration(ns float64) string { return scaled(ns, 1000, []string{" ns", " µs", " ms", " s"}) }

func scaled(value, step float64, units []string) string {
	i := 0
	for i < len(units)-1 && math.Abs(value) >= 0.9995*step {
		value /= step
		i++
	}
	return Digits(value) + units[i]
}

// Digits writes a value with three digits that count, or all before the point.
func Digits(value float64) string {
	if value == 0 {
		return "0"
	}
	text := strconv.FormatFloat(value, 'e', 2, 64) // its exponent is that of the rounded value
	exponent, _ := strconv.Atoi(text[strings.IndexByte(text, 'e')+1:])
	if exponent > 2 {
		return Grouped(math.Round(value))
	}
	return strconv.FormatFloat(value, 'f', min(2-exponent, 3), 64)
}

// Grouped writes a whole number with commas.
func Grouped(value float64) string {
	text := strconv.FormatFloat(math.Abs(value), 'f', 0, 64)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	if value < 0 {
		return "-" + text
	}
	return text
}

// Percent writes a part of one.
func Percent(part float64) string {
	if math.IsNaN(part) || math.IsInf(part, 0) {
		return "?"
	}
	return fmt.Sprintf("%.0f %%", 100*part)
}
