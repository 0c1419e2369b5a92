// Package cell makes names fit into a column of a table for people.
package cell

import (
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Names returns a text for each name, in at most as many columns of a terminal.
// The names are in ascending order, and no two are the same. No two texts are
// the same. The time is linear in the bytes of the names.
//
// A name that does not fit has "…" in place of its middle. If names then look
// alike, "…" replaces their common part, as far as there is room for the rest.
// If the names still look alike, Names numbers them.
func Names(names []string, columns int) []string {
	texts := make([]string, len(names))
	for i, name := range names {
		text, fits := whole(name, columns)
		if !fits {
			text = cut(name, columns)
		}
		texts[i] = text
	}
	for _, same := range alike(texts) {
		first, last := names[same[0]], names[same[len(same)-1]]
		common := 0
		for common < len(first) && first[common] == last[common] {
			common++
		}
		for _, i := range same {
			texts[i] = cutFrom(names[i], common, columns)
		}
	}
	if duplicates := alike(texts); len(duplicates) > 0 {
		number(names, texts, duplicates, columns)
	}
	return texts
}

// alike returns the places of the texts that are not alone, for each such text.
func alike(texts []string) (groups [][]int) {
	places := make(map[string][]int, len(texts))
	for i, text := range texts {
		places[text] = append(places[text], i)
	}
	for i, text := range texts {
		if same := places[text]; len(same) > 1 && same[0] == i {
			groups = append(groups, same)
		}
	}
	return groups
}

func number(names, texts []string, groups [][]int, columns int) {
	used, numbers := make(map[string]bool, len(texts)), map[string]int{}
	for _, text := range texts {
		used[text] = true
	}
	room := columns - 2 - len(strconv.Itoa(len(names)))
	for _, i := range slices.Concat(groups...) {
		prefix := head(parts(start(names[i], room), true, false), room) + "…#"
		text := ""
		for text == "" || used[text] {
			numbers[prefix]++
			text = prefix + strconv.Itoa(numbers[prefix])
		}
		texts[i], used[text] = text, true
	}
}

// whole returns the text of s, and whether the text fits.
func whole(s string, columns int) (text string, fits bool) {
	if s == "" {
		return `""`, true
	}
	if len(start(s, columns)) < len(s) {
		return "", false
	}
	all, width := parts(s, true, true), 0
	for _, p := range all {
		width += p.columns
	}
	return head(all, columns), width <= columns
}

// cut returns the start and the end of s with "…" between them.
func cut(s string, columns int) string {
	right := tail(parts(end(s, columns), false, true), (columns-1)/2)
	return head(parts(start(s, columns), true, false), columns-1-Width(right)) + "…" + right
}

// cutFrom returns as much of the start of s as there is room for, then "…",
// then the text of s from the byte at on.
func cutFrom(s string, at, columns int) string {
	for at > 0 && at < len(s) && !utf8.RuneStart(s[at]) {
		at--
	}
	rest := s[at:]
	right, fits := whole(rest, columns*3/4)
	if !fits {
		right = head(parts(start(rest, columns), false, false), columns*3/4-1) + "…"
	}
	return head(parts(start(s[:at], columns), true, false), columns-1-Width(right)) + "…" + right
}

// bytesPerColumn is how many bytes of a name are looked at for each column. A
// longer name does not fit.
const bytesPerColumn = 16

// start returns the start of s that is looked at for so many columns.
func start(s string, columns int) string {
	n := max(columns, 0) * bytesPerColumn
	if n >= len(s) {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// end returns the end of s that is looked at for so many columns.
func end(s string, columns int) string {
	n := max(0, len(s)-columns*bytesPerColumn)
	for n < len(s) && !utf8.RuneStart(s[n]) {
		n++
	}
	return s[n:]
}

// head returns as many of the first parts as fit.
func head(parts []part, columns int) string {
	var b strings.Builder
	for _, p := range parts {
		if columns -= p.columns; columns < 0 {
			break
		}
		b.WriteString(p.text)
	}
	return b.String()
}

// tail returns as many of the last parts as fit.
func tail(parts []part, columns int) (text string) {
	for _, p := range slices.Backward(parts) {
		if columns -= p.columns; columns < 0 {
			break
		}
		text = p.text + text
	}
	return text
}

// A part is a character as a terminal shows it, or the escape of one.
type part struct {
	text    string
	columns int
}

// parts returns the parts of s. A space at either end of the name is escaped.
func parts(s string, begins, ends bool) (all []part) {
	for rest := s; rest != ""; {
		p, size := next(rest)
		if p.text == " " && (begins && len(rest) == len(s) || ends && len(rest) == 1) {
			p = part{`\x20`, 4}
		}
		all = append(all, p)
		rest = rest[size:]
	}
	return all
}

// Width returns how many columns a text takes.
func Width(text string) (columns int) {
	for text != "" {
		p, size := next(text)
		columns += p.columns
		text = text[size:]
	}
	return columns
}

const (
	joiner     = '\u200D' // joins the emoji at both sides into a single picture
	emojiStyle = '\uFE0F' // makes an emoji, two columns wide, of a symbol
	keycap     = "\u20E3"

	// maxJoined is how many marks and emoji may be joined to a character.
	maxJoined = 8
)

// next returns the first part of s, which is not empty, and the part's length
// in bytes of s. A part is a character with the combining marks behind it, or
// an emoji with its skin tone and with the emoji joined to it. A character that
// is not printable, or shows nothing, is escaped as in a Go string. Invalid
// UTF-8 becomes U+FFFD.
func next(s string) (part, int) {
	if ascii := ' ' <= s[0] && s[0] <= '~'; ascii && (len(s) == 1 || s[1] < utf8.RuneSelf) {
		return part{s[:1], 1}, 1
	}
	r, size := utf8.DecodeRuneInString(s)
	if r == utf8.RuneError {
		return part{"\uFFFD", 1}, size
	}
	if !shows(r) || joins(r) {
		quoted := strconv.QuoteRuneToASCII(r)
		return part{quoted[1 : len(quoted)-1], len(quoted) - 2}, size
	}
	columns, emoji := width(r), isSymbol(r)
	for range maxJoined {
		r, n := utf8.DecodeRuneInString(s[size:])
		after, _ := utf8.DecodeRuneInString(s[size+n:])
		switch {
		case joins(r) && shows(r):
		case emoji && 0x1F3FB <= r && r <= 0x1F3FF: // skin tones
		case r == emojiStyle && (emoji || strings.HasPrefix(s[size+n:], keycap)):
			columns = 2
		case emoji && r == joiner && isSymbol(after):
			n += utf8.RuneLen(after)
		default:
			return part{s[:size], columns}, size
		}
		size += n
	}
	return part{s[:size], columns}, size
}

// shows reports whether r is printable and shows something.
func shows(r rune) bool {
	return strconv.IsPrint(r) && (r < 0x300 ||
		!unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector))
}

// joins reports whether r is shown in the columns of the character before it.
func joins(r rune) bool {
	// The vowels and finals of Korean, from the first to the last.
	const jungseong, jongseong = 0x1160, 0x11FF
	return r >= 0x300 && (jungseong <= r && r <= jongseong || unicode.In(r, unicode.Mn, unicode.Me))
}

// isSymbol reports whether r is a symbol, as all emoji are that join others.
func isSymbol(r rune) bool {
	return r >= 0x2000 && r != utf8.RuneError && unicode.In(r, unicode.So, unicode.Sm)
}

func width(r rune) int {
	if r >= 0x300 && unicode.Is(wide, r) {
		return 2
	}
	return 1
}

// Isolated returns the text. If it has a character of a script that runs from
// right to left, Isolated puts it between U+2068 and U+2069. These keep the
// direction of the text from the rest of the line.
func Isolated(text string) string {
	if strings.IndexFunc(text, rightToLeft) < 0 {
		return text
	}
	return "\u2068" + text + "\u2069"
}

// rightToLeft reports whether r is in a block that Unicode keeps for such
// scripts.
func rightToLeft(r rune) bool {
	return 0x590 <= r && r <= 0x8FF || 0xFB1D <= r && r <= 0xFDFF || 0xFE70 <= r && r <= 0xFEFF ||
		0x10800 <= r && r <= 0x10FFF || 0x1E800 <= r && r <= 0x1EFFF
}
