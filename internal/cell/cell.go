// Package cell makes any text fit a cell of a table that a terminal shows in columns of one width.
//
// A column is what a narrow character takes. Wide characters, as those of Chinese, Japanese and Korean and most emoji,
// take two, combining marks none. That is counted character by character, by the East Asian Width of Unicode; an
// ambiguous one counts as narrow. Terminals that join several characters to one picture may need less.
package cell

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Width returns how many columns s takes. It is to have no characters that Printable would escape.
func Width(s string) int {
	n := 0
	for _, r := range s {
		n += width(r)
	}
	return n
}

func width(r rune) int {
	switch {
	case r < 0x300:
		return 1
	case r == 0xFE0F:
		return 1 // makes an emoji of a narrow character, and so a wide one
	case joins(r):
		return 0
	case unicode.Is(wide, r):
		return 2
	}
	return 1
}

// joins reports whether r is shown in the columns of the character before it.
func joins(r rune) bool {
	const jungseong, jongseong = 0x1160, 0x11FF // the vowels and finals of Korean, from the first to the last
	return jungseong <= r && r <= jongseong || unicode.In(r, unicode.Mn, unicode.Me)
}

// Printable returns s with everything escaped that moves the cursor, hides, or turns the direction of what follows:
// what is not printable to strconv.IsPrint, in the form that strconv.Quote has for it. Invalid UTF-8 becomes U+FFFD.
func Printable(s string) string {
	s = strings.ToValidUTF8(s, string(utf8.RuneError))
	if strings.IndexFunc(s, func(r rune) bool { return !strconv.IsPrint(r) }) < 0 {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		b.WriteString(escaped(r))
	}
	return b.String()
}

func escaped(r rune) string {
	if strconv.IsPrint(r) {
		return string(r)
	}
	quoted := strconv.QuoteRune(r)
	return quoted[1 : len(quoted)-1]
}

// Fit returns s, printable, in at most as many columns: a longer one has its middle replaced by "…", as names of one
// kind differ at either end. No escape is cut in two, and no mark is left without the character that it belongs to.
func Fit(s string, columns int) string {
	s = strings.ToValidUTF8(s, string(utf8.RuneError))
	if whole := Printable(s); Width(whole) <= columns {
		return whole
	}
	room := columns - 1 // beside the "…"
	if room < 0 {
		return ""
	}
	// A part is a character, or its escape, with the marks that follow it.
	var parts []string
	for _, r := range s {
		if text := escaped(r); len(parts) > 0 && joins(r) {
			parts[len(parts)-1] += text
		} else {
			parts = append(parts, text)
		}
	}
	var head, tail int // how many parts of either end are kept
	for used := 0; head+tail < len(parts); {
		part := parts[head]
		if tail < head {
			part = parts[len(parts)-1-tail]
		}
		if used += Width(part); used > room {
			break
		}
		if tail < head {
			tail++
		} else {
			head++
		}
	}
	return strings.Join(parts[:head], "") + "…" + strings.Join(parts[len(parts)-tail:], "")
}
