package suite

import (
	"fmt"
	"io"
	"os"
	"time"
	"unicode/utf8"
)

// everyElsewhere is how often progress is written to a file that is no
// terminal.
const everyElsewhere = 10 * time.Second

// Progress is a line that says how far a run is. On a terminal the line is
// rewritten in place. Elsewhere a new line is written now and then. A Progress
// is for one goroutine.
type Progress struct {
	out     io.Writer
	inPlace bool
	now     func() time.Time
	began   time.Time
	written time.Time
	total   int
	done    int
	shown   int // columns of the line on the terminal
}

// NewProgress returns progress that is written to file.
func NewProgress(file *os.File) *Progress {
	info, err := file.Stat()
	return &Progress{out: file, inPlace: err == nil && info.Mode()&os.ModeCharDevice != 0, now: time.Now}
}

// Start begins to count, to total.
func (p *Progress) Start(total int) { p.began, p.total, p.done = p.now(), total, 0 }

// Done counts a benchmark.
func (p *Progress) Done(name string) {
	p.done++
	p.Say(p.line(name))
}

// line says how far the run is. It estimates the time left from the rate so
// far.
func (p *Progress) line(name string) string {
	elapsed := p.now().Sub(p.began)
	left := time.Duration(float64(elapsed) / float64(p.done) * float64(p.total-p.done))
	return fmt.Sprintf("%d of %d  %v  time left %v  %s",
		p.done, p.total, elapsed.Round(time.Second), left.Round(time.Second), name)
}

// Say shows a line.
func (p *Progress) Say(line string) {
	now := p.now()
	switch {
	case p.inPlace:
		width := utf8.RuneCountInString(line)
		fmt.Fprintf(p.out, "\r%s%*s", line, max(0, p.shown-width), "")
		p.shown = width
	case now.Sub(p.written) >= everyElsewhere || p.done == p.total && p.total > 0:
		fmt.Fprintln(p.out, line)
		p.written = now
	}
}

// End takes the line away.
func (p *Progress) End() {
	if p.inPlace {
		fmt.Fprintf(p.out, "\r%*s\r", p.shown, "")
		p.shown = 0
	}
}
