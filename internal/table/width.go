package table

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A part is a character as a terminal shows it, or the escape of one.
type part struct {
	text    string
	columns int
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
	joiner     = '\u200D' // makes one picture of the emoji at both sides
	emojiStyle = '\uFE0F' // makes an emoji, two columns wide, of a symbol
	keycap     = "\u20E3"

	// maxJoined is how many marks and emoji may be joined to one character.
	maxJoined = 8
)

// next returns the first part of s, which is not empty, and how many bytes of s
// it stands for. A part is a character with the combining marks behind it, or
// an emoji with its skin tone and with the emoji joined to it. Every other
// character that is not printable, or shows nothing, is escaped as in a Go
// string. Invalid UTF-8 becomes U+FFFD.
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
	const jungseong, jongseong = 0x1160, 0x11FF // vowels and finals of Korean
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

// isolated returns the text. If it has a character of a script that runs from
// right to left, isolated puts it between U+2068 and U+2069. These keep the
// direction of the text from the rest of the line.
func isolated(text string) string {
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
