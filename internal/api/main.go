// The api command compares the exported declarations of the public packages
// with the committed listing. So no rename, removal or change goes unnoticed.
//
//	go run ./internal/api           compares, and says how they differ; exit code 1 if they do
//	go run ./internal/api -update   writes the listing anew
//
// The listing is api.txt, with a line for each declaration of the default
// build. Go's own api/*.txt have the same form. Lines have the values of
// constants, but not the names of parameters. The public packages are all
// packages of the module but commands and those below a folder internal.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

const module = "github.com/nodemetrics/nodemetrics"

// path is where the listing is, seen from the module's root.
var path = filepath.Join("internal", "api", "api.txt")

func main() {
	update := flag.Bool("update", false, "write the listing anew")
	flag.Parse()
	if err := run(*update, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "api:", err)
		os.Exit(1)
	}
}

func run(update bool, out io.Writer) error {
	declared, err := publicAPI()
	if err != nil {
		return err
	}
	if update {
		return os.WriteFile(path, []byte(strings.Join(declared, "\n")+"\n"), 0o644)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	return compare(strings.Split(strings.TrimSpace(string(text)), "\n"), declared, out)
}

// compare writes each difference of the declarations from the listing. It
// returns an error if there is any.
func compare(listed, declared []string, out io.Writer) error {
	removed, added := without(listed, declared), without(declared, listed)
	for _, line := range removed {
		fmt.Fprintln(out, "- "+line)
	}
	for _, line := range added {
		fmt.Fprintln(out, "+ "+line)
	}
	const remedy = "if that is meant, say so in CHANGELOG.md and run: go run ./internal/api -update"
	switch {
	case len(removed) > 0:
		return fmt.Errorf("programs that use the lines with - break; %s", remedy)
	case len(added) > 0:
		return fmt.Errorf("the lines with + are not in %s; %s", path, remedy)
	}
	return nil
}

// without returns the lines of a that b lacks.
func without(a, b []string) (rest []string) {
	in := map[string]bool{}
	for _, line := range b {
		in[line] = true
	}
	for _, line := range a {
		if !in[line] {
			rest = append(rest, line)
		}
	}
	return rest
}
