package table

import (
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// fitNames returns a text for each name, in at most as many columns of a
// terminal. The names are in ascending order, and no two are the same. No two
// texts are the same. The time is linear in the bytes of the names.
//
// A name that does not fit has "…" in place of its middle. If names then look
// alike, "…" replaces their common part, as far as there is room for the rest.
// If that is not enough either, they are numbered.
func fitNames(names []string, columns int) []string {
	texts := make([]string, len(names))
	for i, name := range names {
		texts[i] = fit(name, columns)
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

// fit returns the text of s in at most so many columns. If s does not fit, "…"
// replaces its middle.
func fit(s string, columns int) string {
	if text, fits := whole(s, columns); fits {
		return text
	}
	return cut(s, columns)
}

// alike returns the indices of equal texts, for each text that is there twice
// or more.
func alike(texts []string) (groups [][]int) {
	indices := make(map[string][]int, len(texts))
	for i, text := range texts {
		indices[text] = append(indices[text], i)
	}
	for i, text := range texts {
		if same := indices[text]; len(same) > 1 && same[0] == i {
			groups = append(groups, same)
		}
	}
	return groups
}

// number replaces the texts of the groups by numbered ones.
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

// whole returns the text of s, and whether it fits.
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

// cutFrom returns the text of s from the byte at on, behind "…" and as much of
// the start of s as there is room for.
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
	n := max(0, len(s)-max(columns, 0)*bytesPerColumn)
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
