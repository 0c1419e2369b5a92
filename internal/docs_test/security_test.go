package docs_test

import (
	"regexp"
	"strings"
	"testing"
)

func TestSecurityNamesTestsThatExist(t *testing.T) {
	functions := testFunctions(t)
	for _, name := range found(t, `\b((?:Test|Fuzz|Benchmark|Example)[A-Z]\w*)`, read(t, "SECURITY.md")) {
		if !functions[name] {
			t.Errorf("there is no %s", name)
		}
	}
}

func TestSecurityNamesATestForEachClaim(t *testing.T) {
	section := found(t, `(?s)\n(## Who controls .*)$`, read(t, "SECURITY.md"))[0]
	for _, claim := range found(t, `(?m)^- (.*)$`, strings.ReplaceAll(section, "\n  ", " ")) {
		if !regexp.MustCompile("`(?:Test|Fuzz)[A-Z]\\w*`").MatchString(claim) {
			t.Errorf("no test holds this: %s", claim)
		}
	}
}
