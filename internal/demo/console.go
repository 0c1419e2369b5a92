package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"unicode/utf8"
)

// console writes lines, and below them a status line. A terminal shows the
// status line in place. Elsewhere the status is a line like every line. A
// console is safe for concurrent use.
type console struct {
	mu      sync.Mutex
	out     io.Writer
	status  io.Writer
	inPlace bool
	shown   int // columns of the status line on the screen
	err     error
}

func newConsole(out, status io.Writer) *console {
	return &console{out: out, status: status, inPlace: isTerminal(status)}
}

func isTerminal(w io.Writer) bool {
	file, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// println writes text of one or more lines, and ends the last line.
func (c *console) println(text string) { fmt.Fprintln(c, text) }

// Write writes whole lines, in place of the status line until that is shown
// again.
func (c *console) Write(lines []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.rewrite("")
	n, err := c.out.Write(lines)
	c.note(err)
	return n, err
}

// setStatus shows a status line in place of the last. An empty line removes the
// last.
func (c *console) setStatus(line string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.inPlace {
		c.rewrite(line)
	} else if line != "" {
		_, err := fmt.Fprintln(c.status, line)
		c.note(err)
	}
}

// rewrite puts line where the status line is. It writes blanks and carriage
// returns, because every terminal knows these.
func (c *console) rewrite(line string) {
	if line == "" && c.shown == 0 {
		return
	}
	width := utf8.RuneCountInString(line)
	text := "\r" + line + strings.Repeat(" ", max(0, c.shown-width))
	if line == "" {
		text += "\r"
	}
	_, err := io.WriteString(c.status, text)
	c.note(err)
	c.shown = width
}

// note keeps the first error. The caller holds mu.
func (c *console) note(err error) {
	if c.err == nil {
		c.err = err
	}
}

// failure returns the first error of writing.
func (c *console) failure() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}
