package report

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nodemetrics/nodemetrics/bench/internal/raw"
)

// reportOn writes a report below results and returns its folder.
func reportOn(t *testing.T, results, name, text string) {
	t.Helper()
	o, err := raw.Read(strings.NewReader(text), "made up")
	if err != nil {
		t.Fatal(err)
	}
	if err := Write(o, filepath.Join(results, name)); err != nil {
		t.Fatal(err)
	}
}

func TestReadmeHasTheRangesOfAllReports(t *testing.T) {
	results := t.TempDir()
	first := sample(func(name, unit string, round int) float64 {
		switch name {
		case "Record/by=handle/op=success/impl=nodemetrics/g=1/work=0":
			return 9.46
		case "Record/by=handle/op=success/impl=mutex-ring/g=1/work=0":
			return 11.1
		case "Record/by=handle/op=success/impl=tally/g=1/work=0":
			return 8.2
		case "Record/by=handle/op=success/node=spread/impl=nodemetrics/g=1/work=0":
			return 12.5
		case "Record/by=name/op=success/names=64/impl=xsync-mutex-ring/g=1/work=0":
			return 17.5
		case "Record/by=name/op=success/names=64/impl=hashicorp/g=1/work=0":
			return 1 // does less, so it is not compared
		}
		return plausible(name, unit, round)
	})
	reportOn(t, results, "a", first)
	readme := "# Title\n\n" + begins + "old\n" + ends + "\nrest\n"
	text, err := withFigures(readme, results)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"| a success on a node, one goroutine | 9.46 ns | 11.1 ns | **8.2 ns**, tally |\n",
		"| the same on a node that cores have met on | 12.5 ns | **11.1 ns** | **8.2 ns**, tally |\n",
		" | **17.5 ns** | ",
		"\n[Made-Up(R) Processor 9000 @ 1GHz family 1 model 2, 2 cores, go1.26, 2001-02-03](bench/results/a/README.md).\n",
		"](bench/results/a/peers.svg)", "# Title\n\n" + begins, ends + "\nrest\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("there is no %q in\n%s", want, text)
		}
	}
	if strings.Contains(text, "\nold\n") || strings.Contains(text, "hashicorp") {
		t.Errorf("it has too much:\n%s", text)
	}

	second := strings.NewReplacer("2001-02-03", "2002-02-03", "9.46 ns/op", "12 ns/op", "8.2 ns/op", "300 ns/op",
		"Made-Up", "Other").Replace(first)
	reportOn(t, results, "b", second)
	text, err = withFigures(text, results)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"| a success on a node, one goroutine | 9.46 ns … 12 ns | **11.1 ns** | **8.2 ns …",
		"](bench/results/b/peers.svg)", "](bench/results/a/README.md)", "](bench/results/b/README.md)",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("there is no %q in\n%s", want, text)
		}
	}
}

func TestReadmeIsRefusedWithoutItsPlaceOrAReport(t *testing.T) {
	results := t.TempDir()
	reportOn(t, results, "a", sample(plausible))
	for name, c := range map[string]struct{ readme, results, want string }{
		"no place":  {"# Title\n", results, "there are no lines"},
		"no end":    {begins + "# Title\n", results, "there are no lines"},
		"no report": {begins + ends, t.TempDir(), "there is no report"},
	} {
		if _, err := withFigures(c.readme, c.results); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: the error is %v, want %q", name, err, c.want)
		}
	}
	if err := os.WriteFile(filepath.Join(results, "a", figuresFile), []byte(`{"Rows": []}`), 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := withFigures(begins+ends, results); err == nil || !strings.Contains(err.Error(), "make the report again") {
		t.Errorf("the error is %v", err)
	}
}

func TestReadmeOfTheLibraryHasTheFiguresOfItsReports(t *testing.T) {
	const readme = "../../../README.md"
	text, err := os.ReadFile(readme)
	if err != nil {
		t.Fatal(err)
	}
	want, err := withFigures(string(text), "../../results")
	if err != nil {
		t.Fatal(err)
	}
	if string(text) != want {
		t.Errorf("%s differs from the reports: run go run ./cmd/report -readme in bench", readme)
	}
}
