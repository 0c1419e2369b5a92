package main

import (
	"bytes"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// TestConsole follows what goes to a terminal, and what goes elsewhere.
func TestConsole(t *testing.T) {
	for _, test := range []struct {
		name    string
		inPlace bool
		want    string
	}{
		{"terminal", true, "" +
			"\rhalf way" +
			"\rdone    " + // blanks where the longer line was
			"\r    \r" + "breached\n" +
			"\rdone" + "\r    \r"},
		{"elsewhere", false, "half way\ndone\nbreached\ndone\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var out bytes.Buffer
			c := newConsole(&out, &out)
			c.inPlace = test.inPlace
			c.setStatus("half way")
			c.setStatus("done")
			c.println("breached")
			c.setStatus("done")
			c.setStatus("")
			c.setStatus("")
			if got := out.String(); got != test.want {
				t.Errorf("written\n%q, want\n%q", got, test.want)
			}
			if err := c.failure(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestNoTerminal(t *testing.T) {
	file, err := os.Create(t.TempDir() + "/file")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if isTerminal(file) || isTerminal(new(bytes.Buffer)) {
		t.Error("a file or a buffer is taken for a terminal")
	}
}

func TestProgress(t *testing.T) {
	for _, test := range []struct {
		done, total int
		elapsed     time.Duration
		want        string
	}{
		{0, 4000, 0, "   0.00s  0 of 4000 files  0 files/s  time left unknown"},
		{0, 4000, time.Second, "   1.00s  0 of 4000 files  0 files/s  time left unknown"},
		{1000, 4000, 2 * time.Second, "   2.00s  1000 of 4000 files  500 files/s  time left 6s"},
		{1, 4000, time.Second, "   1.00s  1 of 4000 files  1 files/s  time left 1h6m39s"},
		{4000, 4000, 8 * time.Second, "   8.00s  4000 of 4000 files  500 files/s  time left 0s"},
	} {
		if got := progressLine(test.done, test.total, test.elapsed); got != test.want {
			t.Errorf("%d of %d after %v:\n%q, want\n%q", test.done, test.total, test.elapsed, got, test.want)
		}
	}
}

// TestWatch counts the lines of a run of three and a half seconds.
func TestWatch(t *testing.T) {
	for _, test := range []struct {
		name  string
		place bool
		end   string // of a line
		want  int
	}{
		{"terminal", true, "\r", 35 + 2},
		{"elsewhere", false, "\n", 3},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var out bytes.Buffer
				var done atomic.Int64
				screen := newConsole(&out, &out)
				screen.inPlace = test.place
				p := watch(screen, 100, &done)
				done.Store(50)
				time.Sleep(3550 * time.Millisecond) // of the bubble's clock
				p.stop()
				if got := strings.Count(out.String(), test.end); got != test.want {
					t.Errorf("%d lines, want %d:\n%q", got, test.want, &out)
				}
				if !strings.Contains(out.String(), "3.00s  50 of 100 files  17 files/s  time left 3s") {
					t.Errorf("no line for the third second:\n%q", &out)
				}
			})
		})
	}
}
