package lastfailure

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"
)

// The list of several owners, against a map.
func TestTheListKeepsTheLastFailureOfEachOwner(t *testing.T) {
	type kept struct {
		last  Failure
		count uint64
	}
	for seed := range uint64(200) {
		random := rand.New(rand.NewPCG(seed, 80))
		var list List[int]
		model := map[int]kept{}
		for range 60 {
			owner := random.IntN(4)
			if random.IntN(6) == 0 {
				list.Remove(owner)
				delete(model, owner)
			} else {
				f := Failure{At: time.Unix(random.Int64N(20), 0).UTC(), Text: fmt.Sprint(random.IntN(1000))}
				list.Add(owner, f)
				k := model[owner]
				if k.count == 0 || !f.At.Before(k.last.At) {
					k.last = f
				}
				k.count++
				model[owner] = k
			}
			length := 0
			for e := list.first.Load(); e != nil; e = e.next {
				length++
			}
			if length != len(model) {
				t.Fatalf("seed %d: %d entries for %d owners", seed, length, len(model))
			}
			for owner := range 4 {
				if f, count := list.Last(owner); f != model[owner].last || count != model[owner].count {
					t.Fatalf("seed %d: got %v of %d, want %v", seed, f, count, model[owner])
				}
			}
		}
	}
}

// Nothing is lost of what several goroutines add, whatever another removes.
func TestNoAddIsLost(t *testing.T) {
	const goroutines, adds = 4, 1000
	var list List[int]
	var all sync.WaitGroup
	for owner := range goroutines {
		all.Go(func() {
			for i := range adds {
				list.Add(owner, Failure{At: time.Unix(int64(i), 0), Text: fmt.Sprint(i)})
				list.Add(-1, Failure{})
				list.Remove(goroutines + owner)
				list.Add(goroutines+owner, Failure{})
			}
		})
	}
	all.Wait()
	for owner := range goroutines {
		f, count := list.Last(owner)
		if count != adds || f.Text != fmt.Sprint(adds-1) {
			t.Errorf("owner %d: %d failures, the last is %q", owner, count, f.Text)
		}
		if _, count := list.Last(goroutines + owner); count != 1 {
			t.Errorf("owner %d: %d failures after the last removal, want 1", goroutines+owner, count)
		}
	}
	if _, count := list.Last(-1); count != goroutines*adds {
		t.Errorf("%d failures of the shared owner, want %d", count, goroutines*adds)
	}
}

func TestSizeCountsTheTexts(t *testing.T) {
	var list List[int]
	if n := list.Size(); n != 0 {
		t.Errorf("an empty list takes %d bytes", n)
	}
	list.Add(1, Failure{})
	one := list.Size()
	list.Add(1, Failure{Text: "twelve bytes"})
	list.Add(2, Failure{})
	if n := list.Size(); one == 0 || n != 2*one+12 {
		t.Errorf("two entries and a text take %d bytes, one entry takes %d", n, one)
	}
}

type panicking struct{}

func (panicking) Error() string { panic("no text") }

func TestTextsAreCutToWholeCharacters(t *testing.T) {
	for _, test := range []struct{ got, want string }{
		{Text(nil), ""},
		{Text(errors.New("short")), "short"},
		{Text(errors.New("a\xff\xfeb")), "a\uFFFDb"},
		{Text(errors.New(strings.Repeat("x", 300))), strings.Repeat("x", MaxText)},
		{Text(errors.New(strings.Repeat("x", MaxText-1) + "é")), strings.Repeat("x", MaxText-1)},
		{Text(panicking{}), "the Error method of lastfailure.panicking panicked"},
		{PanicText(nil), "runtime.Goexit"},
		{PanicText("boom"), "panic: boom"},
		{PanicText(strings.Repeat("x", 300)), "panic: " + strings.Repeat("x", MaxText-7)},
	} {
		if test.got != test.want || !utf8.ValidString(test.got) {
			t.Errorf("got %q, want %q", test.got, test.want)
		}
	}
}
