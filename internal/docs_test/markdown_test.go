package docs_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// markdown returns the text of every Markdown file, by its path seen from the root.
func markdown(t *testing.T) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() && entry.Name() == ".git" {
			return fs.SkipDir
		}
		if err == nil && strings.HasSuffix(path, ".md") {
			name, _ := filepath.Rel(root, path)
			files[filepath.ToSlash(name)] = read(t, name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"README.md", "CHANGELOG.md", "CONTRIBUTING.md"} {
		if files[name] == "" {
			t.Fatalf("there is no %s", name)
		}
	}
	return files
}

var fence = regexp.MustCompile("(?ms)^```.*?^```$")

// anchors returns the anchors of a file's headings.
func anchors(text string) map[string]bool {
	all := map[string]bool{}
	for _, match := range regexp.MustCompile(`(?m)^#+ (.+)$`).FindAllStringSubmatch(fence.ReplaceAllString(text, ""), -1) {
		heading := regexp.MustCompile(`[^\w\- ]`).ReplaceAllString(strings.ToLower(match[1]), "")
		all[strings.ReplaceAll(heading, " ", "-")] = true
	}
	return all
}

// rootDocuments are the documents of the root. Every other document lies beside
// the package that it is about.
var rootDocuments = set([]string{"README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md"})

func TestDocumentsLieBesideTheirPackage(t *testing.T) {
	for name := range markdown(t) {
		if filepath.Dir(name) == "." && !rootDocuments[name] {
			t.Errorf("%s is in the root", name)
		}
	}
}

func TestEveryDocumentIsLinked(t *testing.T) {
	files := markdown(t)
	linked := set([]string{"README.md"})
	for name, text := range files {
		for _, match := range regexp.MustCompile(`\]\(([^)\s#]+)`).FindAllStringSubmatch(fence.ReplaceAllString(text, ""), -1) {
			linked[filepath.ToSlash(filepath.Join(filepath.Dir(name), match[1]))] = true
		}
	}
	for name := range files {
		if !linked[name] {
			t.Errorf("no document links to %s", name)
		}
	}
}

// An asterisk after code, outside code, begins emphasis on GitHub.
func TestNoAsteriskFollowsCode(t *testing.T) {
	for name, text := range markdown(t) {
		spans := strings.Split(fence.ReplaceAllString(text, ""), "`") // those of odd number are code
		for i := 1; i+1 < len(spans); i += 2 {
			if strings.HasPrefix(spans[i+1], "*") {
				t.Errorf("%s: `%s`*", name, spans[i])
			}
		}
	}
}

func TestLinksLeadSomewhere(t *testing.T) {
	files := markdown(t)
	for name, text := range files {
		for _, match := range regexp.MustCompile(`\]\(([^)\s]+)\)`).FindAllStringSubmatch(fence.ReplaceAllString(text, ""), -1) {
			link := match[1]
			if strings.Contains(link, "://") {
				continue // out of the repository: for people to follow
			}
			path, anchor, _ := strings.Cut(link, "#")
			target := name
			if path != "" {
				target = filepath.ToSlash(filepath.Join(filepath.Dir(name), path))
			}
			if _, err := os.Stat(filepath.Join(root, target)); err != nil {
				t.Errorf("%s: link %s: %v", name, link, err)
			} else if line, err := strconv.Atoi(strings.TrimPrefix(anchor, "L")); err == nil && files[target] == "" {
				if lines := strings.Count(read(t, target), "\n"); line < 1 || line > lines {
					t.Errorf("%s: link %s: the file has %d lines", name, link, lines)
				}
			} else if anchor != "" && !anchors(files[target])[anchor] {
				t.Errorf("%s: link %s: there is no such heading", name, link)
			}
		}
	}
}

func TestMarkdownNamesTestsThatExist(t *testing.T) {
	functions := testFunctions(t)
	for name, text := range markdown(t) {
		for _, match := range regexp.MustCompile(`\b((?:Test|Fuzz|Benchmark|Example)[A-Z]\w*)`).FindAllString(fence.ReplaceAllString(text, ""), -1) {
			if !functions[match] {
				t.Errorf("%s: there is no %s", name, match)
			}
		}
	}
}

// commands returns the commands of a file, by what a shell gets: lines that are indented as code, lines of sh blocks,
// and code within a line.
func commands(text string) (all []string) {
	const command = `(?:make|go (?:run|test|get|build|vet|install|mod)) [^\x60\n]+`
	for _, pattern := range []string{`(?m)^ {4}(` + command + `)$`, "\x60(" + command + ")\x60", "(?ms)^\x60\x60\x60sh\n(.*?)^\x60\x60\x60$"} {
		for _, match := range regexp.MustCompile(pattern).FindAllStringSubmatch(text, -1) {
			for line := range strings.Lines(match[1]) {
				if line = strings.TrimSpace(line); line != "" {
					all = append(all, line)
				}
			}
		}
	}
	return all
}

// byHand are the targets that CI does not run as they are, and why.
var byHand = map[string]string{
	"help":         "TestMakeHelpListsEveryTarget runs it",
	"check":        "it is what CI runs",
	"demo":         "CI runs the same with fewer files",
	"bench-report": "minutes; CI runs every benchmark once",
}

// otherCommands are neither make, nor a test, nor a command of the repository.
// The value says which test takes their place.
var otherCommands = map[string]string{
	"go mod tidy": "TestProgramsInMarkdownBuildAndPrintWhatTheyShow; its go.mod and go.sum are ready",
	"go run golang.org/x/perf/cmd/benchstat@latest": "reads what benchmarks print; by hand",
}

// checkGoGet looks whether go get, or go mod edit -replace, names packages of
// the repository. The folder of a replacement is beside the user's module.
func checkGoGet(t *testing.T, name, command string) {
	t.Helper()
	const module = "github.com/nodemetrics/nodemetrics"
	words := strings.Fields(command)
	target := words[len(words)-1]
	if from, to, ok := strings.Cut(strings.TrimPrefix(target, "-replace="), "="); ok {
		folder, ok := strings.CutPrefix(to, "../nodemetrics")
		if !ok || from != module+folder {
			t.Errorf("%s: %s: the folder is not that of the module", name, command)
		} else if _, err := os.Stat(filepath.Join(root, folder, "go.mod")); err != nil {
			t.Errorf("%s: %s: %v", name, command, err)
		}
		return
	}
	folder, ok := strings.CutPrefix(target, module+"/")
	if files, _ := filepath.Glob(filepath.Join(root, folder, "*.go")); !ok || len(files) == 0 {
		t.Errorf("%s: %s: there is no such package", name, command)
	}
}

func TestEveryCommandInMarkdownIsRun(t *testing.T) {
	makefile, ci := read(t, "Makefile"), read(t, ".ci/run")
	targets := set(found(t, `(?m)^([a-z-]+):`, makefile))
	inCI := map[string]bool{}
	for _, line := range found(t, `(?m)\bmake ([a-z -]+)`, ci) {
		for _, target := range strings.Fields(line) {
			inCI[target] = true
		}
	}
	functions := testFunctions(t)
	seen := 0
	for name, text := range markdown(t) {
		for _, command := range commands(text) {
			seen++
			words := strings.Fields(command)
			switch {
			case words[0] == "make":
				for _, target := range words[1:] {
					if strings.Contains(target, "=") {
						continue // a variable
					}
					if !targets[target] {
						t.Errorf("%s: make %s: there is no such target", name, target)
					} else if !inCI[target] && byHand[target] == "" {
						t.Errorf("%s: make %s: nobody runs it", name, target)
					}
				}
			case otherCommands[command] != "":
			case words[1] == "get", strings.HasPrefix(command, "go mod edit -replace="):
				checkGoGet(t, name, command)
			case words[1] == "test":
				checkGoTest(t, name, command, functions)
			case words[1] == "run" && strings.HasPrefix(words[2], "./"):
				if !strings.Contains(makefile+ci, "run "+words[2]) {
					t.Errorf("%s: %s: nobody runs it", name, command)
				}
			default:
				t.Errorf("%s: %s: nobody runs it", name, command)
			}
		}
	}
	if seen < 10 {
		t.Errorf("only %d commands were found", seen)
	}
}

// checkGoTest looks whether a go test command names a package that is there, and tests or benchmarks that are. CI runs
// them all.
func checkGoTest(t *testing.T, name, command string, functions map[string]bool) {
	t.Helper()
	for _, match := range regexp.MustCompile(`-(run|bench|fuzz) ('[^']*'|\S+)`).FindAllStringSubmatch(command, -1) {
		pattern, err := regexp.Compile(strings.Trim(match[2], "'"))
		if err != nil {
			t.Errorf("%s: %s: %v", name, command, err)
			continue
		}
		hits := match[1] == "run" && pattern.MatchString("") // '^$' and the like: no tests
		for function := range functions {
			hits = hits || pattern.MatchString(function)
		}
		if !hits {
			t.Errorf("%s: %s: nothing matches %s", name, command, match[2])
		}
	}
	for _, folder := range regexp.MustCompile(`\s\./([\w/]*)`).FindAllStringSubmatch(command, -1) {
		if _, err := os.Stat(filepath.Join(root, folder[1])); err != nil {
			t.Errorf("%s: %s: %v", name, command, err)
		}
	}
}
