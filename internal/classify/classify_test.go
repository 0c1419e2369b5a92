package classify_test

import (
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"go/parser"
	"go/scanner"
	"io"
	"io/fs"
	"log"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/nodemetrics/nodemetrics/internal/classify"
)

// of classifies an error. It lets an error carry its kind by a method.
func of(err error) classify.Kind { return classify.Of(err, carried) }

func carried(err error) (classify.Kind, bool) {
	e, ok := err.(interface{ ErrorCategory() classify.Kind })
	if !ok {
		return 0, false
	}
	if kind := e.ErrorCategory(); kind <= classify.Network {
		return kind, true
	}
	return classify.Other, true
}

// classified is a row of most tables here: an error and the kind that Of must return.
type classified struct {
	name string
	err  error
	want classify.Kind
}

// checkClassified classifies every row as it is, inside a chain of fmt.Errorf and as the last of a joined error.
func checkClassified(t *testing.T, rows []classified) {
	t.Helper()
	for _, row := range rows {
		for _, form := range []struct {
			name string
			err  error
		}{
			{"bare", row.err},
			{"wrapped", fmt.Errorf("node %q: %w", "a", fmt.Errorf("attempt %d: %w", 1, row.err))},
			{"joined", errors.Join(errors.New("first"), fmt.Errorf("%w and %w", errors.New("second"), row.err))},
		} {
			t.Run(row.name+"/"+form.name, func(t *testing.T) {
				t.Helper()
				if got := of(form.err); got != row.want {
					t.Errorf("Of(%T: %v) = %v, want %v", row.err, form.err, got, row.want)
				}
			})
		}
	}
}

func TestClassifyNilIsOther(t *testing.T) {
	if got := of(nil); got != classify.Other {
		t.Errorf("Of(nil) = %v, want other", got)
	}
}

func TestClassifyTimeout(t *testing.T) {
	expired, cancel := context.WithDeadline(t.Context(), time.Unix(0, 0))
	defer cancel()
	checkClassified(t, []classified{
		{"context.DeadlineExceeded", expired.Err(), classify.Timeout},
		{"os.ErrDeadlineExceeded", os.ErrDeadlineExceeded, classify.Timeout},
		{"read from a connection", readPastDeadline(t), classify.Timeout},
		{"read from a pipe", readPipePastDeadline(t), classify.Timeout},
		{"dial with an expired context", dialError(expired, "127.0.0.1:1"), classify.Timeout},
		{"HTTP with an expired context", getError(t, expired, http.DefaultClient, silentServer(t)),
			classify.Timeout},
		{"HTTP client's own timeout", getError(t, t.Context(), &http.Client{Timeout: 1}, silentServer(t)),
			classify.Timeout},
		{"DNS", &net.DNSError{IsTimeout: true}, classify.Timeout},
		{"a method Timeout", timeoutError{timeout: true}, classify.Timeout},
		{"a method Is for the context's", isError{context.DeadlineExceeded}, classify.Timeout},
		{"a method Is for the system's", isError{os.ErrDeadlineExceeded}, classify.Timeout},
	})
}

func TestClassifyTimeoutBehindAFalseTimeoutIsFound(t *testing.T) {
	checkClassified(t, []classified{
		{"below", timeoutError{false, timeoutError{true, nil}}, classify.Timeout},
		{"beside", errors.Join(timeoutError{false, nil}, timeoutError{true, nil}), classify.Timeout},
		{"below a net.Error", &net.OpError{Op: "read", Err: fmt.Errorf("tls: %w", context.DeadlineExceeded)},
			classify.Timeout},
		{"below a *url.Error", &url.Error{Op: "Get", Err: fmt.Errorf("proxy: %w", os.ErrDeadlineExceeded)},
			classify.Timeout},
		{"nowhere", timeoutError{false, timeoutError{false, nil}}, classify.Other},
	})
}

func TestClassifyNetwork(t *testing.T) {
	checkClassified(t, []classified{
		{"connection refused", dialError(t.Context(), closedAddress(t)), classify.Network},
		{"connection refused, the bare number", root(dialError(t.Context(), closedAddress(t))),
			classify.Network},
		{"connection reset", readReset(t), classify.Network},
		{"connection reset, the bare number", root(readReset(t)), classify.Network},
		{"broken pipe", writeBrokenPipe(t), classify.Network},
		{"closed connection", readClosed(t), classify.Network},
		{"net.ErrClosed", net.ErrClosed, classify.Network},
		{"no such host", lookupError(t), classify.Network},
		{"HTTP connection refused", getError(t, t.Context(), http.DefaultClient, "http://"+closedAddress(t)),
			classify.Network},
		{"a net.Error", netError{}, classify.Network},
	})
}

func TestClassifyHangUpInsideAURLErrorIsNetwork(t *testing.T) {
	before := getError(t, t.Context(), http.DefaultClient, hangUpServer(t, ""))
	if !errors.Is(before, io.EOF) {
		t.Fatalf("a server that hangs up before it answers: %v, want an EOF", before)
	}
	amid := getError(t, t.Context(), http.DefaultClient, hangUpServer(t, "HTTP/1.1 200 OK\r\n"))
	if !errors.Is(amid, io.ErrUnexpectedEOF) {
		t.Fatalf("a server that hangs up amid the header: %v, want an unexpected EOF", amid)
	}
	checkClassified(t, []classified{
		{"before the answer", before, classify.Network},
		{"amid the header", amid, classify.Network},
		{"wrapped inside", &url.Error{Op: "Get", Err: fmt.Errorf("proxy: %w", io.EOF)}, classify.Network},
		{"joined inside", &url.Error{Op: "Get", Err: errors.Join(errors.New("proxy"), io.EOF)},
			classify.Network},
	})
}

func TestClassifyEndOfFileOutsideAURLErrorIsOther(t *testing.T) {
	checkClassified(t, []classified{
		{"io.EOF", io.EOF, classify.Other},
		{"io.ErrUnexpectedEOF", io.ErrUnexpectedEOF, classify.Other},
		{"beside a *url.Error", errors.Join(&url.Error{Op: "Get", Err: errors.New("x")}, io.EOF),
			classify.Other},
	})
}

func TestClassifyURLErrorIsJudgedByItsCause(t *testing.T) {
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	secure := httptest.NewUnstartedServer(http.NotFoundHandler())
	secure.Config.ErrorLog = log.New(io.Discard, "", 0) // it would report the failed handshake
	secure.StartTLS()
	defer secure.Close()
	for _, row := range []classified{
		{"an unsupported scheme", getError(t, t.Context(), http.DefaultClient, "gopher://example.invalid"),
			classify.Other},
		{"an unknown certificate authority", getError(t, t.Context(), http.DefaultClient, secure.URL),
			classify.Other},
		{"a canceled context", getError(t, canceled, http.DefaultClient, silentServer(t)), classify.Other},
		{"no cause", &url.Error{Op: "Get"}, classify.Other},
		{"a validation error", &url.Error{Op: "Get", Err: validationError(true)}, classify.Validation},
		{"a refused connection", getError(t, t.Context(), http.DefaultClient, "http://"+closedAddress(t)),
			classify.Network},
		{"a category", &url.Error{Op: "Get", Err: categoryOver{categoryError(classify.Other), net.ErrClosed}},
			classify.Other},
	} {
		if _, ok := row.err.(*url.Error); !ok {
			t.Fatalf("%s: the error is a %T, want a *url.Error", row.name, row.err)
		}
		checkClassified(t, []classified{row})
	}
}

func TestClassifyFileNotFoundIsNotNetwork(t *testing.T) {
	_, missing := os.ReadFile(filepath.Join(t.TempDir(), "missing"))
	if !errors.Is(missing, fs.ErrNotExist) {
		t.Fatalf("reading a file that is not there: %v, want fs.ErrNotExist", missing)
	}
	exists := os.Mkdir(t.TempDir(), 0o700)
	if !errors.Is(exists, fs.ErrExist) {
		t.Fatalf("making a directory that is there: %v, want fs.ErrExist", exists)
	}
	checkClassified(t, []classified{
		{"missing file", missing, classify.Other},
		{"missing file, the bare number", root(missing), classify.Other},
		{"existing directory", exists, classify.Other},
		{"existing directory, the bare number", root(exists), classify.Other},
		{"closed file", os.ErrClosed, classify.Other},
	})
}

func TestClassifyValidation(t *testing.T) {
	var number struct{ N int }
	var element struct {
		XMLName xml.Name `xml:"a"`
		N       int
	}
	_, tag := xml.Marshal(struct {
		N int `xml:"a>b"`
		M int `xml:"a>b>c"`
	}{})
	_, list := parser.ParseExpr("1 +")
	if len(list.(scanner.ErrorList)) == 0 {
		t.Fatalf("parsing half an expression: %v, want at least one error", list)
	}
	_, host := url.Parse(malformed("http://a b/"))
	rows := []struct {
		name string
		err  error
	}{
		{"JSON syntax", json.Unmarshal([]byte(`{"N":`), &number)},
		{"JSON type", json.Unmarshal([]byte(`{"N":"one"}`), &number)},
		{"JSON into nothing", json.Unmarshal([]byte(`1`), (*int)(nil))},
		{"JSON of a channel", errorOf(json.Marshal(malformed[any](make(chan int))))},
		{"JSON of infinity", errorOf(json.Marshal(math.Inf(1)))},
		{"JSON of a method that fails", errorOf(json.Marshal(time.Date(10_000, 1, 1, 0, 0, 0, 0, time.UTC)))},
		{"XML syntax", xml.Unmarshal([]byte("<a>"), &element)},
		{"XML of another element", xml.Unmarshal([]byte("<b></b>"), &element)},
		{"XML number", xml.Unmarshal([]byte("<a><N>one</N></a>"), &element)},
		{"XML of a channel", errorOf(xml.Marshal(malformed[any](make(chan int))))},
		{"XML tags that conflict", tag},
		{"number", errorOf(strconv.Atoi("one"))},
		{"number out of range", errorOf(strconv.ParseInt("1000", 10, 8))},
		{"number in an unknown base", errorOf(strconv.ParseInt("1", malformed(99), 64))},
		{"quoted string", errorOf(strconv.Unquote("'"))},
		{"out of range", strconv.ErrRange},
		{"time", errorOf(time.Parse(time.RFC3339, "yesterday"))},
		{"JSON time", json.Unmarshal([]byte(`"yesterday"`), new(time.Time))},
		{"URL", errorOf(url.Parse(malformed("http://[::1")))},
		{"URL for HTTP", errorOf(http.Get("http://[::1"))},
		{"URL escape", errorOf(url.PathUnescape("%zz"))},
		{"URL host", host},
		{"URL host, bare", errors.Unwrap(host)},
		{"Go syntax", list},
		{"Go syntax, one error", list.(scanner.ErrorList)[0]},
		{"Go syntax, one error by value", *list.(scanner.ErrorList)[0]},
		{"a method Validation", validationError(true)},
		{"a tagged field", taggedField{}},
		{"several tagged fields", taggedFields{taggedField{}}},
		{"no tagged field at all", taggedFields{}},
		{"a field with a reason", &reasonedField{}},
		{"several fields with a reason", reasonedFields{&reasonedField{}}},
		{"a slice type of fields with a reason", reasonedSlice{}},
	}
	for _, row := range rows {
		if row.err == nil {
			t.Fatalf("%s: no error", row.name)
		}
		checkClassified(t, []classified{{row.name, row.err, classify.Validation}})
	}
}

func TestClassifyTheRestIsOther(t *testing.T) {
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	checkClassified(t, []classified{
		{"text", errors.New("timeout: invalid network"), classify.Other},
		{"formatted text", fmt.Errorf("timeout: %v", context.DeadlineExceeded), classify.Other},
		{"context.Canceled", canceled.Err(), classify.Other},
		{"a method Timeout that says no", timeoutError{timeout: false}, classify.Other},
		{"a method Validation that says no", validationError(false), classify.Other},
		{"a method Is for something else", isError{io.EOF}, classify.Other},
		{"a method Field alone", fieldOnly{}, classify.Other},
		{"a slice type of errors", treeError{errors.New("a"), errors.New("b")}, classify.Other},
		{"a slice type of text", textsError{"a"}, classify.Other},
		{"an anonymous type", struct{ error }{errors.New("x")}, classify.Other},
	})
}

func TestClassifyTriesTheRulesOverTheWholeTree(t *testing.T) {
	carried := categoryError(classify.Validation)
	timeout, network, validation, other := context.DeadlineExceeded, net.ErrClosed, validationError(true), errors.New("x")
	for _, row := range []struct {
		name             string
		stronger, weaker error
		want             classify.Kind
	}{
		{"a carried category before a timeout", carried, timeout, classify.Validation},
		{"a carried category before a network error", carried, network, classify.Validation},
		{"a carried other before a timeout", categoryError(classify.Other), timeout,
			classify.Other},
		{"a timeout before a network error", timeout, network, classify.Timeout},
		{"a timeout before a validation error", timeout, validation, classify.Timeout},
		{"a network error before a validation error", network, validation, classify.Network},
		{"a validation error before another", validation, other, classify.Validation},
	} {
		checkClassified(t, []classified{
			{row.name + "/stronger first", errors.Join(row.stronger, row.weaker), row.want},
			{row.name + "/weaker first", errors.Join(row.weaker, row.stronger), row.want},
		})
	}
	checkClassified(t, []classified{
		{"a carried category below a timeout", timeoutError{true, carried}, classify.Validation},
		{"a carried category below a network error", &net.OpError{Err: carried}, classify.Validation},
		{"a timeout below a network error", &net.OpError{Err: timeout}, classify.Timeout},
		{"a timeout below a validation error", errorOf(json.Marshal(refusing{timeout})), classify.Timeout},
		{"a network error below a validation error", errorOf(json.Marshal(refusing{network})), classify.Network},
		{"a validation error below a network error", &net.OpError{Err: validation}, classify.Network},
	})
}

func TestClassifyTakesTheFirstCarriedCategory(t *testing.T) {
	timeout, network := categoryError(classify.Timeout), categoryError(classify.Network)
	over := func(c classify.Kind, err error) error { return categoryOver{categoryError(c), err} }
	checkClassified(t, []classified{
		{"outer before inner", over(classify.Timeout, network), classify.Timeout},
		{"left before right", errors.Join(network, timeout), classify.Network},
		{"depth first", errors.Join(fmt.Errorf("deep: %w", network), timeout), classify.Network},
		{"below others", &net.OpError{Err: fmt.Errorf("x: %w", timeout)}, classify.Timeout},
		{"no such category", categoryError(200), classify.Other},
		{"no such category before a valid one", over(200, network), classify.Other},
	})
}

func TestClassifySeesThroughUncomparableErrors(t *testing.T) {
	checkClassified(t, []classified{
		{"slice", treeError{errors.New("x"), net.ErrClosed}, classify.Network},
		{"struct", uncomparableError{[]string{"x"}, context.DeadlineExceeded}, classify.Timeout},
		{"twice", uncomparableError{nil, uncomparableError{nil, context.DeadlineExceeded}}, classify.Timeout},
		{"alone", uncomparableError{nil, nil}, classify.Other},
	})
}

func TestClassifySkipsNils(t *testing.T) {
	checkClassified(t, []classified{
		{"in a slice", treeError{nil, net.ErrClosed, nil}, classify.Network},
		{"a cause", &net.OpError{Op: "dial"}, classify.Network},
		{"nothing else", treeError{nil, nil}, classify.Other},
	})
}

func TestClassifyCycleTerminates(t *testing.T) {
	single := &loopError{}
	single.next = single
	pair := &loopError{}
	pair.next = &loopError{pair}
	double := treeError{nil, nil}
	double[0], double[1] = double, double
	late := treeError{nil, context.DeadlineExceeded}
	late[0] = late
	for _, row := range []classified{
		{"one error", single, classify.Other},
		{"two errors", pair, classify.Other},
		{"a join of itself twice", double, classify.Other},
		{"beside a timeout", errors.Join(context.DeadlineExceeded, single), classify.Timeout},
		{"before a timeout that is out of reach", late, classify.Other},
	} {
		if got := of(row.err); got != row.want {
			t.Errorf("%s: %v, want %v", row.name, got, row.want)
		}
	}
}

func TestClassifyLooksAtAThousandErrors(t *testing.T) {
	chain := func(wrappers int) error {
		err := context.DeadlineExceeded
		for range wrappers {
			err = fmt.Errorf("x: %w", err)
		}
		return err
	}
	wide := func(before int, filler error) error {
		errs := make(treeError, before, before+1)
		for i := range errs {
			errs[i] = filler
		}
		return append(errs, context.DeadlineExceeded)
	}
	deep := func(joins int) error {
		err := context.DeadlineExceeded
		for range joins {
			err = treeError{err}
		}
		return err
	}
	x := errors.New("x")
	for _, row := range []classified{
		{"the last of a chain of 1,000", chain(999), classify.Timeout},
		{"the last of a chain of 1,001", chain(1000), classify.Other},
		{"the last of a join of 999", wide(998, x), classify.Timeout},
		{"the last of a join of 1,000", wide(999, x), classify.Other},
		{"behind 998 nils", wide(998, nil), classify.Timeout},
		{"behind 999 nils", wide(999, nil), classify.Other},
		{"the last of 1,000 nested joins", deep(999), classify.Timeout},
		{"the last of 1,001 nested joins", deep(1000), classify.Other},
		{"behind a chain of 1,000", errors.Join(chain(1000), context.DeadlineExceeded), classify.Other},
	} {
		if got := of(row.err); got != row.want {
			t.Errorf("%s: %v, want %v", row.name, got, row.want)
		}
	}
}

func TestClassifyPanickingMethodIsOther(t *testing.T) {
	rows := []classified{
		{"a nil *net.OpError", (*net.OpError)(nil), classify.Other},
		{"a nil *url.Error", (*url.Error)(nil), classify.Other},
		{"a nil *fs.PathError", (*fs.PathError)(nil), classify.Other},
		{"beside a timeout", errors.Join(context.DeadlineExceeded, (*net.OpError)(nil)), classify.Other},
		{"beneath a category nobody looks", categoryOver{categoryError(classify.Network), (*net.OpError)(nil)},
			classify.Network},
	}
	for _, err := range []error{
		panicErrorCategory{}, panicTimeout{}, panicIs{}, panicValidation{}, panicUnwrap{}, panicUnwrapSeveral{},
		panicAllErrors{},
	} {
		rows = append(rows, classified{fmt.Sprintf("%T", err), errors.Join(net.ErrClosed, err), classify.Other})
	}
	checkClassified(t, rows)
}

func TestClassifyDoesNotAllocate(t *testing.T) {
	_, missing := os.ReadFile(filepath.Join(t.TempDir(), "missing"))
	_, list := parser.ParseExpr("1 +")
	self := &loopError{}
	self.next = self
	wide := make(treeError, 2000)
	for i := range wide {
		wide[i] = errors.New("x")
	}
	for _, row := range []struct {
		name string
		err  error
	}{
		{"nil", nil},
		{"text", errors.New("x")},
		{"deadline", context.DeadlineExceeded},
		{"refused", dialError(t.Context(), closedAddress(t))},
		{"refused by HTTP", getError(t, t.Context(), http.DefaultClient, "http://"+closedAddress(t))},
		{"missing file", missing},
		{"JSON", json.Unmarshal([]byte("{"), new(int))},
		{"number", errorOf(strconv.Atoi("one"))},
		{"Go syntax", list},
		{"tagged fields", taggedFields{taggedField{}}},
		{"fields with a reason", reasonedFields{&reasonedField{}}},
		{"a method Is", isError{os.ErrDeadlineExceeded}},
		{"categorized", categoryOver{categoryError(classify.Network), errors.New("x")}},
		{"joined", errors.Join(errors.New("x"), fmt.Errorf("y: %w", net.ErrClosed))},
		{"cycle", self},
		{"wide join", wide},
	} {
		if got := testing.AllocsPerRun(100, func() { of(row.err) }); got != 0 {
			t.Errorf("%s: %v allocations, want none", row.name, got)
		}
	}
}

var classifySink classify.Kind

func BenchmarkClassify(b *testing.B) {
	wrapped := func(err error, times int) error {
		for range times {
			err = fmt.Errorf("x: %w", err)
		}
		return err
	}
	_, missing := os.ReadFile(filepath.Join(b.TempDir(), "missing"))
	refused := dialError(b.Context(), closedAddress(b))
	for _, bench := range []struct {
		name string
		err  error
	}{
		{"nil", nil},
		{"deadline", context.DeadlineExceeded},
		{"opError", refused},
		{"urlError", &url.Error{Op: "Get", Err: refused}},
		{"pathError", missing},
		{"syntaxError", json.Unmarshal([]byte("{"), new(int))},
		{"categorized", categoryOver{categoryError(classify.Other), refused}},
		{"unknown", errors.New("x")},
		{"wrapped1", wrapped(errors.New("x"), 1)},
		{"wrapped10", wrapped(errors.New("x"), 10)},
		{"wrapped2000", wrapped(errors.New("x"), 2000)},
		{"panicking", panicTimeout{}},
	} {
		b.Run("err="+bench.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				classifySink = of(bench.err)
			}
		})
	}
}

// Real errors.

// errorOf drops the value of a call that must fail.
func errorOf[T any](_ T, err error) error { return err }

// root returns what err wraps in the end.
func root(err error) error {
	for errors.Unwrap(err) != nil {
		err = errors.Unwrap(err)
	}
	return err
}

// closedAddress returns an address where nobody listens any more.
func closedAddress(tb testing.TB) string {
	tb.Helper()
	l := listen(tb)
	l.Close()
	return l.Addr().String()
}

func listen(tb testing.TB) *net.TCPListener {
	tb.Helper()
	l, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { l.Close() })
	return l
}

// connect returns the two ends of a connection.
func connect(tb testing.TB) (client, server *net.TCPConn) {
	tb.Helper()
	l := listen(tb)
	client, err := net.DialTCP("tcp", nil, l.Addr().(*net.TCPAddr))
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { client.Close() })
	server, err = l.AcceptTCP()
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { server.Close() })
	return client, server
}

// dialError returns the error of a dial to an address where nobody listens.
func dialError(ctx context.Context, address string) error {
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "tcp", address)
	if err == nil {
		conn.Close()
	}
	return err
}

func readPastDeadline(t *testing.T) error {
	client, _ := connect(t)
	if err := client.SetReadDeadline(time.Unix(1, 0)); err != nil {
		t.Fatal(err)
	}
	return errorOf(client.Read(make([]byte, 1)))
}

func readPipePastDeadline(t *testing.T) error {
	client, server := net.Pipe()
	t.Cleanup(func() { client.Close(); server.Close() })
	if err := client.SetReadDeadline(time.Unix(1, 0)); err != nil {
		t.Fatal(err)
	}
	return errorOf(client.Read(make([]byte, 1)))
}

func readReset(t *testing.T) error {
	client, server := connect(t)
	if err := server.SetLinger(0); err != nil { // so that Close resets the connection
		t.Fatal(err)
	}
	server.Close()
	return errorOf(client.Read(make([]byte, 1)))
}

func readClosed(t *testing.T) error {
	client, _ := connect(t)
	client.Close()
	return errorOf(client.Read(make([]byte, 1)))
}

func writeBrokenPipe(t *testing.T) error {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Close() })
	r.Close()
	return errorOf(w.Write([]byte("x")))
}

// lookupError returns the error of a look-up whose every name server refuses.
func lookupError(t *testing.T) error {
	address := closedAddress(t)
	resolver := net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return nil, dialError(ctx, address)
	}}
	return errorOf(resolver.LookupHost(t.Context(), "nodemetrics.invalid."))
}

// getError returns the error of a GET that must fail.
func getError(t *testing.T, ctx context.Context, client *http.Client, url string) error {
	t.Helper()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := client.Do(request)
	if err == nil {
		response.Body.Close()
		t.Fatalf("GET %s succeeded", url)
	}
	return err
}

// silentServer returns the URL of a server that answers nothing as long as the client stays.
func silentServer(t *testing.T) string {
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	t.Cleanup(server.Close)
	return server.URL
}

// hangUpServer returns the URL of a server that writes what it is told to and hangs up.
func hangUpServer(t *testing.T, answer string) string {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		io.WriteString(conn, answer)
		conn.Close()
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// Errors of other people's making.

type textError struct{}

func (textError) Error() string { return "text" }

type timeoutError struct {
	timeout bool
	err     error
}

func (e timeoutError) Error() string { return "timeout" }
func (e timeoutError) Timeout() bool { return e.timeout }
func (e timeoutError) Unwrap() error { return e.err }

type isError struct{ target error }

func (e isError) Error() string        { return "is" }
func (e isError) Is(target error) bool { return target == e.target }

type netError struct{ textError }

func (netError) Timeout() bool   { return false }
func (netError) Temporary() bool { return true }

type validationError bool

func (e validationError) Error() string    { return "validation" }
func (e validationError) Validation() bool { return bool(e) }

type categoryError classify.Kind

func (e categoryError) Error() string                { return "category" }
func (e categoryError) ErrorCategory() classify.Kind { return classify.Kind(e) }

// categoryOver carries a category and wraps another error.
type categoryOver struct {
	categoryError
	err error
}

func (e categoryOver) Unwrap() error { return e.err }

// refusing cannot be marshaled, for the reason err.
type refusing struct{ err error }

func (r refusing) MarshalJSON() ([]byte, error) { return nil, r.err }

type loopError struct{ next error }

func (e *loopError) Error() string { return "loop" }
func (e *loopError) Unwrap() error { return e.next }

type treeError []error

func (e treeError) Error() string   { return "tree" }
func (e treeError) Unwrap() []error { return e }

type textsError []string

func (e textsError) Error() string { return "texts" }

type uncomparableError struct {
	notes []string
	err   error
}

func (e uncomparableError) Error() string { return "uncomparable" }
func (e uncomparableError) Unwrap() error { return e.err }

type fieldOnly struct{ textError }

func (fieldOnly) Field() string { return "Name" }

// As in github.com/go-playground/validator.
type taggedField struct{ fieldOnly }

func (taggedField) Tag() string { return "required" }

type taggedFields []interface {
	error
	Field() string
	Tag() string
}

func (taggedFields) Error() string { return "fields" }

// As in what github.com/envoyproxy/protoc-gen-validate generates.
type reasonedField struct{ fieldOnly }

func (*reasonedField) Reason() string { return "value is required" }

type reasonedFields []error

func (reasonedFields) Error() string        { return "fields" }
func (e reasonedFields) AllErrors() []error { return e }

type reasonedSlice []*reasonedField

func (reasonedSlice) Error() string { return "fields" }

type (
	panicErrorCategory struct{ textError }
	panicTimeout       struct{ textError }
	panicIs            struct{ textError }
	panicValidation    struct{ textError }
	panicUnwrap        struct{ textError }
	panicUnwrapSeveral struct{ textError }
	panicAllErrors     struct{ textError }
)

func (panicErrorCategory) ErrorCategory() classify.Kind { panic("ErrorCategory") }
func (panicTimeout) Timeout() bool                      { panic("Timeout") }
func (panicIs) Is(error) bool                           { panic("Is") }
func (panicValidation) Validation() bool                { panic("Validation") }
func (panicUnwrap) Unwrap() error                       { panic("Unwrap") }
func (panicUnwrapSeveral) Unwrap() []error              { panic("Unwrap") }
func (panicAllErrors) AllErrors() []error               { panic("AllErrors") }

// malformed returns its argument, and hides from static checks that a call with it is bound to fail.
func malformed[T any](v T) T { return v }
