//go:build unix

package postgres_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/nodemetrics/nodemetrics/internal/postgres"
)

// childVariable makes the test binary start a server, print its folder and
// wait.
const childVariable = "NODEMETRICS_POSTGRES_CHILD"

func TestMain(m *testing.M) {
	if os.Getenv(childVariable) == "" {
		os.Exit(m.Run())
	}
	s, err := postgres.Start()
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println(s.Folder)
	select {}
}

func TestServerEndsWithTheTest(t *testing.T) {
	var folder string
	t.Run("server", func(t *testing.T) {
		for word := range strings.FieldsSeq(postgres.ForTest(t)) {
			if host, ok := strings.CutPrefix(word, "host="); ok {
				folder = host
			}
		}
		if _, err := os.Stat(folder + "/.s.PGSQL.5432"); err != nil {
			t.Error(err)
		}
	})
	if folder == "" {
		t.Skip(postgres.ErrMissing)
	}
	if _, err := os.Stat(folder); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("after the test the folder %s is there: %v", folder, err)
	}
}

// The server's shell inherits the standard error of the child, and closes it
// last. So the test reads up to its end.
func TestServerEndsWithAKilledProcess(t *testing.T) {
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), childVariable+"=1")
	output, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	stderr, err := child.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(output).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	_ = child.Process.Kill() // it has ended, if there is no PostgreSQL
	if _, err := io.Copy(io.Discard, stderr); err != nil {
		t.Error(err)
	}
	_ = child.Wait() // killed
	if line == postgres.ErrMissing.Error()+"\n" {
		t.Skip(postgres.ErrMissing)
	}
	if _, err := os.Stat(strings.TrimSpace(line)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("after the kill the folder %q is there: %v", line, err)
	}
}
