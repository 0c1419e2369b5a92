//go:build unix

package postgres

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// ErrMissing is the error of Start if the machine has no PostgreSQL.
var ErrMissing = errors.New("there is no initdb, which Debian's package postgresql-15 has; .ci/postgres installs it")

// Server is a running PostgreSQL.
type Server struct {
	Folder string // of the data and the socket
	shell  *exec.Cmd
	input  io.Closer
}

// script makes a database in its working folder and runs a server there, whose
// log it prints. When its standard input is closed, it ends the server and
// removes the folder. The kernel closes that also if the starting process is
// killed.
const script = `
bin=$1
shift
"$bin/initdb" -D data -U postgres -A trust -E UTF8 --locale=C --no-sync 2>&1 || exit
"$bin/postgres" -D data "$@" 2>&1 &
exec >/dev/null
read -r _
kill -QUIT $!
wait
rm -rf "$PWD"
`

// options are those of the server. The processes of a test may hold 500
// connections. The data need not survive a crash of the machine.
var options = []string{"-c", "listen_addresses=", "-c", "unix_socket_directories=..", "-c", "max_connections=500",
	"-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off"}

// Start starts a PostgreSQL. Root starts it as the user postgres or nobody,
// because PostgreSQL refuses to run as root.
func Start() (*Server, error) {
	bin, err := programs()
	if err != nil {
		return nil, err
	}
	folder, err := os.MkdirTemp("", "nodemetrics-postgres-")
	if err != nil {
		return nil, err
	}
	s, err := start(bin, folder)
	if err != nil {
		_ = os.RemoveAll(folder) // the error is that of the start
		return nil, fmt.Errorf("PostgreSQL did not start: %w", err)
	}
	return s, nil
}

func start(bin, folder string) (*Server, error) {
	s := &Server{Folder: folder, shell: exec.Command("sh", append([]string{"-c", script, "sh", bin}, options...)...)}
	s.shell.Dir = folder
	s.shell.Env = append(os.Environ(), "LC_ALL=C", "PWD="+folder)
	s.shell.Stderr = os.Stderr
	// The terminal's interrupt ends only this process.
	s.shell.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if os.Geteuid() == 0 {
		uid, gid, err := unprivileged()
		if err != nil {
			return nil, err
		}
		if err := os.Chown(folder, int(uid), int(gid)); err != nil {
			return nil, err
		}
		s.shell.SysProcAttr.Credential = &syscall.Credential{Uid: uid, Gid: gid}
	}
	input, err := s.shell.StdinPipe()
	if err != nil {
		return nil, err
	}
	s.input = input
	output, err := s.shell.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := s.shell.Start(); err != nil {
		return nil, err
	}
	var log strings.Builder
	lines := bufio.NewScanner(output)
	for lines.Scan() {
		if strings.Contains(lines.Text(), "ready to accept connections") {
			go func() {
				for lines.Scan() { // so that the pipe never fills
				}
			}()
			return s, nil
		}
		log.WriteString(lines.Text() + "\n")
	}
	s.Stop()
	return nil, errors.New(log.String())
}

// programs returns the folder of PostgreSQL's programs.
func programs() (string, error) {
	if initdb, err := exec.LookPath("initdb"); err == nil {
		initdb, err = filepath.EvalSymlinks(initdb)
		return filepath.Dir(initdb), err
	}
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb") // Debian's are not in the path
	if err != nil || len(found) == 0 {
		return "", errors.Join(ErrMissing, err)
	}
	return filepath.Dir(found[len(found)-1]), nil
}

// unprivileged returns a user for the server of root.
func unprivileged() (uid, gid uint32, err error) {
	u, err := user.Lookup("postgres")
	if err != nil {
		u, err = user.Lookup("nobody")
	}
	if err != nil {
		return 0, 0, err
	}
	uid64, err1 := strconv.ParseUint(u.Uid, 10, 32)
	gid64, err2 := strconv.ParseUint(u.Gid, 10, 32)
	return uint32(uid64), uint32(gid64), errors.Join(err1, err2)
}

// Address says in the form of libpq how to reach the server.
func (s *Server) Address() string { return "host=" + s.Folder + " user=postgres dbname=postgres" }

// Stop ends the server at once and removes its folder.
func (s *Server) Stop() {
	s.input.Close()
	_ = s.shell.Wait() // the shell's status says nothing of the server
}

// ForTest starts a server that ends with the test, and returns its address. If
// the machine has no PostgreSQL, ForTest skips the test, or fails it in CI.
func ForTest(tb testing.TB) string {
	tb.Helper()
	s, err := Start()
	switch {
	// The target race of the Makefile sets the variable.
	case errors.Is(err, ErrMissing) && os.Getenv("NODEMETRICS_POSTGRES") != "required":
		tb.Skip(err)
	case err != nil:
		tb.Fatal(err)
	}
	tb.Cleanup(s.Stop)
	return s.Address()
}
