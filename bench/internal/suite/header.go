package suite

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"strings"
	"time"
)

// Header writes the machine, the versions and the command, as lines that
// readers of benchmarks take for configuration. The benchmarks add the
// operating system and the processor.
func Header(ctx context.Context, out io.Writer, command string, set Settings, now time.Time) error {
	_, err := fmt.Fprintf(out, "date: %s\ncommand: %s\nrounds: %d\nbenchtime: %s\nsingles: %d\ngo: %s\ncores: %d\ngomaxprocs: %d\nrevision: %s\n",
		now.UTC().Format(time.DateOnly), command, set.Rounds, set.BenchTime, set.Singles,
		runtime.Version(), runtime.NumCPU(), runtime.GOMAXPROCS(0), revision(ctx))
	if err == nil {
		_, err = io.WriteString(out, cpuid(cpuinfo()))
	}
	return err
}

// cpuinfo returns Linux's list of processors, or nothing elsewhere.
func cpuinfo() string {
	text, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return ""
	}
	return string(text)
}

// cpuid returns the line for the family and model of the first processor, or
// nothing where Linux does not say them.
func cpuid(cpuinfo string) string {
	field := func(key string) string {
		match := regexp.MustCompile(`(?m)^` + key + `\s*: (.+)$`).FindStringSubmatch(cpuinfo)
		if match == nil {
			return ""
		}
		return match[1]
	}
	if field("cpu family") == "" {
		return ""
	}
	return fmt.Sprintf("cpuid: family %s model %s\n", field("cpu family"), field("model"))
}

// revision returns the commit of the working directory, and says if there are
// changes beyond the commit. Changed reports do not count, because they change
// no figure.
func revision(ctx context.Context) string {
	head, err := exec.CommandContext(ctx, "git", "rev-parse", "--short=12", "HEAD").Output()
	if err != nil {
		return "unknown"
	}
	text := strings.TrimSpace(string(head))
	status, err := exec.CommandContext(ctx, "git", "status", "--porcelain", "--", ":/", ":(top,exclude)bench/results").Output()
	if err != nil || len(status) > 0 {
		text += ", with changes that are not committed"
	}
	return text
}
