package cell

import (
	"strings"
	"testing"
)

func TestFitCutsTheMiddleByDisplayWidth(t *testing.T) {
	for _, test := range []struct {
		text    string
		columns int
		want    string
	}{
		{"fetch", 5, "fetch"},
		{"fetches", 5, "fe…es"},
		{"fetches", 6, "fet…es"},
		{"fetches", 1, "…"},
		{"fetches", 0, ""},
		{"fetches", -3, ""},
		{"", 3, ""},
		{"日本語", 6, "日本語"},
		{"日本語", 5, "日…語"},
		{"日本語", 4, "日…"}, // the next one would be a column too wide
		{"日本語", 2, "…"},
		{"e\u0301e\u0301e\u0301e\u0301e\u0301", 3, "e\u0301…e\u0301"}, // marks stay with their character
		{"\u0301abc", 2, "\u0301…c"},
		{"\uac01\u1112\u1161\u11ab\u1112\u1161\u11ab", 5, "\uac01…\u1112\u1161\u11ab"}, // syllables of vowels and finals apart
		{"a\nb", 4, `a\nb`},
		{"aa\nbb", 4, "aa…b"}, // no half of an escape
		{"a\x00\x00b", 6, `a…b`},
		{"a\x00\x00b", 7, `a\x00…b`},
		{"\x1b[31m", 9, `\x1b[31m`},
		{"a\xffb", 9, "a\ufffdb"},
		{"\u202eabc", 9, `\u202eabc`},
		{"⚠\ufe0f!", 3, "⚠\ufe0f!"},
		{"⚠\ufe0f!", 2, "…"},
		{"!!⚠\ufe0f", 3, "!…"},
	} {
		got := Fit(test.text, test.columns)
		if got != test.want || Width(got) > max(test.columns, 0) {
			t.Errorf("%q in %d columns: got %q, %d wide; want %q", test.text, test.columns, got, Width(got), test.want)
		}
	}
}

func TestWidthIsOfWhatATerminalShows(t *testing.T) {
	for text, want := range map[string]int{
		"": 0, "a": 1, "é": 1, "e\u0301": 1, "µs": 2, "…": 1, "語": 2, "ｗ": 2, "ﾊ": 1, "각": 2, "🚀": 2, "⚠\ufe0f": 2, "☂": 1,
		"\u1112\u1161\u11ab": 2, "\u1100\u1160\u11ff": 2, // the first vowel and the last final
		"א": 1, "ก\u0e34": 1,
	} {
		if got := Width(text); got != want {
			t.Errorf("%q is %d columns, want %d", text, got, want)
		}
	}
}

func TestPrintableLeavesNothingThatATerminalObeys(t *testing.T) {
	var all strings.Builder
	for r := range rune(0x300) {
		all.WriteRune(r)
	}
	all.WriteString("\u200b\u200d\u2028\u202e\u2066\ufeff\U000e0001\xff")
	for _, r := range Printable(all.String()) {
		if r < ' ' || 0x7f <= r && r < 0xa0 || r == 0xad || 0x2000 <= r && r <= 0x206f || r == 0xfeff || r == 0xe0001 {
			t.Errorf("%U is left", r)
		}
	}
}
