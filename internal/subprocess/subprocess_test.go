package subprocess_test

import (
	"fmt"
	"io"
	"os"
	"testing"

	"github.com/nodemetrics/nodemetrics/internal/subprocess"
)

const role = "NODEMETRICS_SUBPROCESS"

// The started process writes its role and its input.
func TestMain(m *testing.M) {
	if as := os.Getenv(role); as != "" {
		input, err := io.ReadAll(os.Stdin)
		fmt.Println(as, string(input), err)
		os.Exit(7)
	}
	os.Exit(m.Run())
}

func TestTheProgramIsStartedAgain(t *testing.T) {
	p := subprocess.ForTest(t, role+"=echo")
	if _, err := io.WriteString(p.Input, "hello"); err != nil {
		t.Fatal(err)
	}
	if err := p.Input.Close(); err != nil {
		t.Fatal(err)
	}
	line, err := p.Output.ReadString('\n')
	if line != "echo hello <nil>\n" {
		t.Errorf("the process wrote %q, %v", line, err)
	}
	if err := p.Wait(); p.ProcessState.ExitCode() != 7 {
		t.Errorf("the process ended with %v, want the exit status 7", err)
	}
}
