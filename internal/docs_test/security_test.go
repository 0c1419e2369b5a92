package docs_test

import (
	"regexp"
	"strings"
	"testing"
)

func TestSecurityNamesATestForEachClaim(t *testing.T) {
	section := found(t, `(?s)\n(## Who controls .*)$`, read(t, "SECURITY.md"))[0]
	for _, claim := range found(t, `(?m)^- (.*)$`, strings.ReplaceAll(section, "\n  ", " ")) {
		if !regexp.MustCompile("`(?:Test|Fuzz)[A-Z]\\w*`").MatchString(claim) {
			t.Errorf("no test holds this: %s", claim)
		}
	}
}
