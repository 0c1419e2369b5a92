// Package figure writes values for people.
package figure

import (
	"strconv"
	"strings"

	"golang.org/x/perf/benchunit"
)

// Text returns a value as benchstat writes it, with three digits or more and
// the prefix of its unit.
func Text(value float64, unit string) string {
	value, unit = benchunit.Tidy(value, unit)
	class := benchunit.ClassOf(unit)
	scale := benchunit.CommonScale([]float64{value}, class)
	symbol := ""
	switch {
	case class == benchunit.Binary:
		symbol = "B"
	case strings.Contains(unit, "sec"):
		symbol = "s"
	case strings.HasSuffix(unit, "/s"):
		symbol = "/s"
	}
	text := strconv.FormatFloat(value/scale.Factor, 'f', scale.Prec, 64)
	return strings.TrimSuffix(text+" "+scale.Prefix+symbol, " ")
}

// Duration returns nanoseconds as Text does.
func Duration(ns float64) string { return Text(ns, "ns") }

// Ratio returns the text of a ratio of two figures.
func Ratio(ratio float64) string { return strconv.FormatFloat(ratio, 'f', 3, 64) + " ×" }
