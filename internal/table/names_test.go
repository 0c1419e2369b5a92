package table

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"
)

func TestANameThatDoesNotFitHasItsMiddleCut(t *testing.T) {
	for _, test := range []struct {
		name    string
		columns int
		want    string
	}{
		{"fetch", 5, "fetch"},
		{"fetches", 5, "fe…es"},
		{"fetches", 6, "fet…es"},
		{"", 4, `""`},
		{"日本語", 6, "日本語"},
		{"日本語", 5, "日…語"},
		{"日本語学", 6, "日…学"}, // one more would be a column too wide
		{"e\u0301e\u0301e\u0301e\u0301e\u0301", 4, "e\u0301e\u0301…e\u0301"},           // marks stay with their character
		{"\u0301abc", 9, `\u0301abc`},                                                  // a mark needs one
		{"\uac01\u1112\u1161\u11ab\u1112\u1161\u11ab", 5, "\uac01…\u1112\u1161\u11ab"}, // syllables of vowels and finals apart
		{"a\nb", 4, `a\nb`},
		{"aa\nbb", 5, "aa…bb"}, // no half of an escape
		{"a\x00\x00b", 8, `a\x00…b`},
		{"\x1b[31m", 9, `\x1b[31m`},
		{"a\xffb", 9, "a\ufffdb"},
		{"\u202eabc", 9, `\u202eabc`},
		{"a\u200db", 9, `a\u200db`},
		{"a\ufe0f", 9, `a\ufe0f`},
		{" a b ", 11, `\x20a b\x20`},
		{" a b ", 7, `\x20a …`},
		{"👩🏽\u200d🚀!", 4, "👩🏽\u200d🚀!"},
		{"👩🏽\u200d🚀👩🏽\u200d🚀👩🏽\u200d🚀", 5, "👩🏽\u200d🚀…👩🏽\u200d🚀"},
		{"⚠\ufe0f!!!", 4, "⚠\ufe0f…!"},
	} {
		if got := fitNames([]string{test.name}, test.columns)[0]; got != test.want || Width(got) > test.columns {
			t.Errorf("%q in %d columns: got %q, %d wide; want %q", test.name, test.columns, got, Width(got), test.want)
		}
	}
}

func TestNamesThatTheCutMakesAlikeShowWhereTheyDiffer(t *testing.T) {
	long := strings.Repeat("x", 1000)
	for _, test := range []struct {
		columns int
		names   []string
		want    []string
	}{
		{18, []string{"main/page-14/resize", "main/page-24/resize", "main/page-4/resize"},
			[]string{"main/pag…14/resize", "main/pag…24/resize", "main/page-4/resize"}},
		{12, []string{"GET /" + long + "1" + long, "GET /" + long + "2" + long},
			[]string{"GE…1xxxxxxx…", "GE…2xxxxxxx…"}},
		{12, []string{long + "\u65e5" + long, long + "\u65e6" + long}, // they differ within a character
			[]string{"xx…日xxxxxx…", "xx…旦xxxxxx…"}},
		{12, []string{long + "1" + long + "1" + long, long + "1" + long + "2" + long, long + "2" + long},
			[]string{"xxxxxxxxx…#1", "xxxxxxxxx…#2", "xx…2xxxxxxx…"}},
		{12, []string{"a\nb", `a\nb`}, []string{`a\nb…#1`, `a\nb…#2`}},
	} {
		if got := fitNames(test.names, test.columns); !slices.Equal(got, test.want) {
			t.Errorf("in %d columns: got %q, want %q", test.columns, got, test.want)
		}
	}
}

var pieces = []string{"a", "b", "aaaaaaaa", "…", "#1", " ", "\n", `\n`, "日本", "é", "e\u0301", "👩\u200d🚀", "\u202e", "שלום",
	"\xff", "🚀\u200d\xff", "\u0301", strings.Repeat("\u0301", 40), strings.Repeat("x", 300), `"`, ""}

func TestNoTwoTextsAreTheSameAndAllFit(t *testing.T) {
	for seed := range uint64(2000) {
		r := rand.New(rand.NewPCG(seed, 7))
		columns := 12 + r.IntN(10)
		set := map[string]bool{}
		for range 1 + r.IntN(60) {
			var name string
			for range r.IntN(5) {
				name += pieces[r.IntN(1+r.IntN(len(pieces)))]
			}
			set[name] = true
		}
		names := slices.Sorted(maps.Keys(set))
		seen := map[string]string{}
		for i, text := range fitNames(names, columns) {
			if other, ok := seen[text]; ok {
				t.Errorf("seed %d: %q and %q are both %q", seed, other, names[i], text)
			}
			seen[text] = names[i]
			if Width(text) > columns || text == "" || strings.HasSuffix(text, " ") {
				t.Errorf("seed %d: %q is %q, %d wide in %d columns", seed, names[i], text, Width(text), columns)
			}
		}
		if t.Failed() {
			return
		}
	}
}

func TestThousandsOfNamesOfOneCutAreNumbered(t *testing.T) {
	long := strings.Repeat("x", 1000)
	var names []string
	for i := range 10_000 {
		names = append(names, fmt.Sprintf("%s%05d%s%05d%s", long, i/2, long, i, long))
	}
	texts := fitNames(names, 12)
	slices.Sort(texts)
	if n := len(slices.Compact(texts)); n != len(names) {
		t.Errorf("%d texts for %d names", n, len(names))
	}
}

// Of a long name only the ends are printed, and so only they are measured.
func TestALongNameTakesNoMemoryInProportion(t *testing.T) {
	var names []string
	for i := range 20 {
		names = append(names, strings.Repeat("\u0301é", 250_000)+fmt.Sprintf("%02d", i)+strings.Repeat("x", 100))
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	texts := fitNames(names, 20)
	runtime.ReadMemStats(&after)
	if bytes := after.TotalAlloc - before.TotalAlloc; bytes > 1<<20 {
		t.Errorf("%d bytes for %q", bytes, texts)
	}
}

func TestWidthIsOfWhatATerminalShows(t *testing.T) {
	for text, want := range map[string]int{
		"": 0, "a": 1, "é": 1, "e\u0301": 1, "µs": 2, "…": 1, "語": 2, "ｗ": 2, "ﾊ": 1, "각": 2, "🚀": 2, "☂": 1,
		"\u1112\u1161\u11ab": 2, "\u1100\u1161\u11ff": 2, // a vowel and the last final
		"א": 1, "ก\u0e34": 1,
		"⚠\ufe0f": 2, "1\ufe0f\u20e3": 2, "👍🏽": 2, "👩\u200d🚀": 2, "👩🏽\u200d❤\ufe0f\u200d👨🏽": 2, "🇩🇪": 2,
	} {
		if got := Width(text); got != want {
			t.Errorf("%q is %d columns, want %d", text, got, want)
		}
	}
}

func TestNothingIsLeftThatATerminalObeysOrHides(t *testing.T) {
	var all strings.Builder
	for r := range rune(0x300) {
		all.WriteRune(r)
	}
	all.WriteString("\u034f\u115f\u1160\u3164\u200b\u200d\u2028\u202e\u2066\u2068\u2069\ufe0f\ufeff\U000e0001\U000e0100\xff")
	name := all.String()
	for _, r := range fitNames([]string{name}, 100*len(name))[0] {
		if r < ' ' || 0x7f <= r && r < 0xa0 || r == 0xad || !shows(r) {
			t.Errorf("%U is left", r)
		}
	}
}

func TestOnlyWhatIsWrittenFromRightToLeftIsisolated(t *testing.T) {
	for text, want := range map[string]string{
		"fetch": "fetch", "日本": "日本", "": "", "שלום": "\u2068שלום\u2069", "GET /سلام": "\u2068GET /سلام\u2069",
		"\U0001e900": "\u2068\U0001e900\u2069", "\ufb1d": "\u2068\ufb1d\u2069", "\ufe70": "\u2068\ufe70\u2069",
		"\U00010800": "\u2068\U00010800\u2069",
	} {
		if got := isolated(text); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

func BenchmarkNames(b *testing.B) {
	for _, length := range []int{20, 1 << 20} {
		b.Run(fmt.Sprintf("names=20/bytes=%d", length), func(b *testing.B) {
			var names []string
			for i := range 20 {
				names = append(names, strings.Repeat("x", length)+fmt.Sprintf("%02d", i)+strings.Repeat("x", length))
			}
			for b.Loop() {
				fitNames(names, 20)
			}
		})
	}
}
