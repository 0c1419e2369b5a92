package pad

import "testing"

func TestWordsFillWholeLines(t *testing.T) {
	const line = Line / 8
	for words, want := range map[int]int{0: 0, 1: line, line - 1: line, line: line, line + 1: 2 * line, 10*line + 1: 11 * line} {
		if got := Words(words); got != want {
			t.Errorf("%d words fill %d, want %d", words, got, want)
		}
	}
}
