// Package subprocess starts the running program again, as another process. A
// test of several processes starts its test binary so, whose TestMain finds its
// role in the environment.
package subprocess

import (
	"bufio"
	"io"
	"os"
	"os/exec"
	"testing"
)

// Process is a started process. Its errors go to those of this process.
type Process struct {
	*exec.Cmd
	Input  io.WriteCloser
	Output *bufio.Reader
}

// Start starts the running program with additions to the environment, each of
// the form name=value.
func Start(environment ...string) (*Process, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(program)
	cmd.Env = append(os.Environ(), environment...)
	cmd.Stderr = os.Stderr
	input, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	output, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	return &Process{cmd, input, bufio.NewReader(output)}, cmd.Start()
}

// ForTest is Start for a test. The process ends with the test at the latest.
func ForTest(tb testing.TB, environment ...string) *Process {
	tb.Helper()
	p, err := Start(environment...)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = p.Process.Kill() }) // it has ended, if the test passes
	return p
}
