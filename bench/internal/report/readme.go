package report

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/nodemetrics/nodemetrics/bench/internal/raw"
)

// figuresFile is the file of a report that has the figures for the README of
// the library.
const figuresFile = "figures.json"

// figures are the figures of a report for the README of the library.
type figures struct {
	CPU, Cores, Go, Date string
	Rows                 []figureRow
}

// figureRow has the medians of a benchmark in nanoseconds.
type figureRow struct {
	Name              string
	Ours, Mutex, Peer float64
	PeerName          string // of the fastest published peer
}

// readmeRows are the rows of the README's table. Every row compares a benchmark
// of all implementations. A row may say another benchmark of this library, and
// another implementation by hand.
var readmeRows = []struct{ text, benchmark, unit, ours, byHand string }{
	{"a success on a node, one goroutine", "Record/by=handle/op=success/impl=%s/g=1/work=0", "ns/op", "", ""},
	{"the same on a node that cores have met on", "Record/by=handle/op=success/impl=%s/g=1/work=0", "ns/op",
		"Record/by=handle/op=success/node=spread/impl=nodemetrics/g=1/work=0", ""},
	{"the same, all cores at once, wall time", "Record/by=handle/op=success/impl=%s/g=cores/work=0", "ns/op", "", ""},
	{"the same, four goroutines a core, p99.9", "Latency/by=handle/op=success/impl=%s/g=4xcores/work=0", "p99.9-ns", "", ""},
	{"a success by name, 64 names in random order", "Record/by=name/op=success/names=64/impl=%s/g=1/work=0", "ns/op", "", "xsync-" + byHand},
	{"the same, 100,000 names", "Record/by=name/op=success/names=100000/impl=%s/g=1/work=0", "ns/op", "", "xsync-" + byHand},
	{"a timer, with two readings of the clock", "Record/by=handle/op=timer/impl=%s/g=1/work=0", "ns/op", "", ""},
	{"the same, all cores at once, wall time", "Record/by=handle/op=timer/impl=%s/g=cores/work=0", "ns/op", "", ""},
	{"a wrapped call over the bare call", "Wrap/impl=%s/g=1/work=0", "added-ns/call", "", ""},
}

// byHand is the implementation that people write by hand.
const byHand = "mutex-ring"

// noPeers are no published peers, or do less than the rest.
var noPeers = []string{ours, ours + "-tdigest", byHand, "xsync-" + byHand, "add", "bare", "clock", "failsafe-breaker", "hashicorp"}

// figuresOf returns the figures of a run.
func figuresOf(o *raw.Output) (figures, error) {
	f := figures{CPU: o.CPU(), Cores: o.Config["cores"], Go: o.Config["go"], Date: o.Config["date"]}
	for _, r := range readmeRows {
		row := figureRow{Name: r.text, Peer: math.Inf(1)}
		for name, at := range map[string]*float64{
			cmp.Or(r.ours, fmt.Sprintf(r.benchmark, ours)):     &row.Ours,
			fmt.Sprintf(r.benchmark, cmp.Or(r.byHand, byHand)): &row.Mutex,
		} {
			s, err := o.Summary(name, r.unit)
			if err != nil {
				return figures{}, err
			}
			*at = s.Center
		}
		for _, full := range o.Names {
			impl := raw.Parse(full).Keys["impl"]
			if full != fmt.Sprintf(r.benchmark, impl) || slices.Contains(noPeers, impl) {
				continue
			}
			s, err := o.Summary(full, r.unit)
			if err != nil {
				return figures{}, err
			}
			if s.Center < row.Peer {
				row.Peer, row.PeerName = s.Center, impl
			}
		}
		if row.PeerName == "" {
			return figures{}, fmt.Errorf("benchmark %s is missing for every peer", r.benchmark)
		}
		f.Rows = append(f.Rows, row)
	}
	return f, nil
}

// The lines of the README around the part that a report writes.
const (
	begins = "<!-- make bench-report writes the lines from here … -->\n"
	ends   = "<!-- … to here. -->\n"
)

// UpdateReadme writes the figures of all reports below results into a README,
// between the lines that mark the place. The newest report gives the plot.
func UpdateReadme(readme, results string) error {
	text, err := os.ReadFile(readme)
	if err != nil {
		return err
	}
	updated, err := withFigures(string(text), results)
	if err != nil {
		return fmt.Errorf("%s: %w", readme, err)
	}
	return os.WriteFile(readme, []byte(updated), 0o666)
}

// withFigures returns the text of a README with the figures of all reports.
func withFigures(text, results string) (string, error) {
	before, rest, found := strings.Cut(text, begins)
	_, after, foundEnd := strings.Cut(rest, ends)
	if !found || !foundEnd {
		return "", fmt.Errorf("there are no lines %q and %q", begins, ends)
	}
	files, err := filepath.Glob(filepath.Join(results, "*", figuresFile))
	if err != nil || len(files) == 0 {
		return "", fmt.Errorf("there is no report below %s: %w", results, err)
	}
	type report struct {
		folder string
		figures
	}
	var all []report
	for _, file := range files {
		r := report{folder: "bench/results/" + filepath.Base(filepath.Dir(file))}
		data, err := os.ReadFile(file)
		if err != nil {
			return "", err
		}
		if err := json.Unmarshal(data, &r.figures); err != nil {
			return "", fmt.Errorf("%s: %w", file, err)
		}
		if len(r.Rows) != len(readmeRows) {
			return "", fmt.Errorf("%s has %d rows, and this version has %d: make the report again", file, len(r.Rows), len(readmeRows))
		}
		all = append(all, r)
	}
	slices.SortStableFunc(all, func(a, b report) int { return cmp.Compare(b.Date, a.Date) })

	var b strings.Builder
	b.WriteString(before + begins + "The reports:")
	for i, r := range all {
		if i > 0 {
			b.WriteString(",")
		}
		fmt.Fprintf(&b, "\n[%s, %s cores, %s, %s](%s/README.md)", r.CPU, r.Cores, r.Go, r.Date, r.folder)
	}
	b.WriteString(".\n")
	b.WriteString("\n| one record | nodemetrics | mutex-ring | fastest published peer |\n|-|-:|-:|-:|\n")
	for i, row := range readmeRows {
		var ours, mutex, peer spreadOf
		var names []string
		for _, r := range all {
			f := r.Rows[i]
			ours.add(f.Ours, false)
			mutex.add(f.Mutex, f.Mutex < f.Ours)
			peer.add(f.Peer, f.Peer < f.Ours)
			if !slices.Contains(names, f.PeerName) {
				names = append(names, f.PeerName)
			}
		}
		fmt.Fprintf(&b, "| %s | %v | %v | %v, %s |\n", row.text, &ours, &mutex, &peer, strings.Join(names, " or "))
	}
	fmt.Fprintf(&b, "\n![Time of a record beside other libraries](%s/peers.svg)\n", all[0].folder)
	return b.String() + ends + after, nil
}

// spreadOf is the range of a figure over reports. It is bold if the figure is
// below that of this library in a report.
type spreadOf struct {
	least, most float64
	bold        bool
}

func (s *spreadOf) add(v float64, bold bool) {
	if s.most == 0 {
		s.least = v
	}
	s.least, s.most, s.bold = math.Min(s.least, v), math.Max(s.most, v), s.bold || bold
}

func (s *spreadOf) String() string {
	text := shortText(s.least, "ns")
	if most := shortText(s.most, "ns"); most != text {
		text += " … " + most
	}
	if s.bold {
		return "**" + text + "**"
	}
	return text
}
