package suite

import (
	"bytes"
	"testing"
	"time"
)

// clock is a clock that stands still until it is moved.
type clock struct{ time.Time }

func (c *clock) now() time.Time          { return c.Time }
func (c *clock) advance(d time.Duration) { c.Time = c.Add(d) }

func TestTimeLeftIsByTheRateSoFar(t *testing.T) {
	var out bytes.Buffer
	c := &clock{time.Unix(1e9, 0)}
	p := &Progress{out: &out, now: c.now}
	p.Start(4)
	c.advance(20 * time.Second)
	p.Done("A")
	c.advance(time.Second)
	p.Done("B") // too soon for a line
	c.advance(9 * time.Second)
	p.Done("C")
	p.Done("D") // the last
	want := "1 of 4  20s  time left 1m0s  A\n3 of 4  30s  time left 10s  C\n4 of 4  30s  time left 0s  D\n"
	if out.String() != want {
		t.Errorf("it says\n%swant\n%s", out.String(), want)
	}
}

func TestOnATerminalALineTakesThePlaceOfTheOneBefore(t *testing.T) {
	var out bytes.Buffer
	c := &clock{time.Unix(1e9, 0)}
	p := &Progress{out: &out, now: c.now, inPlace: true}
	p.Say("long line")
	p.Say("short")
	p.End()
	if want := "\rlong line\rshort    \r     \r"; out.String() != want {
		t.Errorf("it writes %q, want %q", out.String(), want)
	}
}
