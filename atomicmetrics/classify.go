package atomicmetrics

import "github.com/nodemetrics/nodemetrics/internal/classify"

// These do not compile unless the categories are the kinds of package classify.
var (
	_ [CategoryOther]struct{}      = [classify.Other]struct{}{}
	_ [CategoryTimeout]struct{}    = [classify.Timeout]struct{}{}
	_ [CategoryValidation]struct{} = [classify.Validation]struct{}{}
	_ [CategoryNetwork]struct{}    = [classify.Network]struct{}{}
)

// Classify returns the category of err, which says why an execution failed. A
// collector uses it unless [WithClassifier] gives another function.
//
// Classify visits err and everything that err wraps, outermost first and
// depth-first. It unwraps by a method Unwrap() error, Unwrap() []error or
// AllErrors() []error. The first of these rules that fits any of these errors
// decides. So a timeout that is joined to a validation error is a timeout.
//
//  1. The category that an error carries itself, by [Categorize] or by a method
//     ErrorCategory() [Category]. Of several carried categories, the first
//     visited counts. A value that is no category is [CategoryOther].
//  2. [CategoryTimeout]: [context.DeadlineExceeded] and
//     [os.ErrDeadlineExceeded]; a method Is(error) bool that accepts either; a
//     method Timeout() bool that returns true, as of the error numbers
//     ETIMEDOUT and EAGAIN.
//  3. [CategoryNetwork]: every [net.Error], so [*net.OpError], [*net.DNSError],
//     [net.ErrClosed] and the errors of package net about malformed addresses;
//     an error number about a connection, such as ECONNREFUSED, ECONNRESET,
//     ECONNABORTED, EPIPE, EHOSTUNREACH and ENETUNREACH; [io.EOF] and
//     [io.ErrUnexpectedEOF] inside a [*net/url.Error], by which an HTTP client
//     reports that the server hung up. An error number that is not about a
//     connection, such as ENOENT, is no network error, though its type is a
//     net.Error. A *url.Error is judged by its cause.
//  4. [CategoryValidation]: every error type of the packages encoding/json,
//     encoding/xml, go/scanner, strconv and time, with [strconv.ErrSyntax] and
//     [strconv.ErrRange]; [net/url.EscapeError], [net/url.InvalidHostError] and
//     a *url.Error whose Op is "parse"; a method Validation() bool that returns
//     true; a validator's field error, with the methods Field() string and
//     either Tag() string or Reason() string, and a slice type of such errors.
//  5. [CategoryOther]: everything else, [context.Canceled] and a nil error.
//
// An error that is mere text is CategoryOther. Examples are a bad argument of
// [time.ParseDuration], and an unknown field met by a [encoding/json.Decoder].
//
// Classify visits at most 1,000 errors and ignores the rest. If a method of an
// error panics, as on a typed nil pointer, Classify returns CategoryOther.
// Classify does not allocate. It is safe for concurrent use if these methods
// are.
func Classify(err error) Category { return Category(classify.Of(err, carriedCategory)) }

// carriedCategory returns the category that err carries, if any.
func carriedCategory(err error) (classify.Kind, bool) {
	if e, ok := err.(interface{ ErrorCategory() Category }); ok {
		return classify.Kind(e.ErrorCategory().orOther()), true
	}
	return 0, false
}

// Categorize wraps err, so that [Classify] returns category for it. The text
// stays the same. Unwrap returns err, so [errors.Is] and [errors.As] see
// through it. A nil err gives nil. A category that does not exist counts as
// [CategoryOther]. If an error is categorized twice, the outer category counts.
func Categorize(err error, category Category) error {
	if err == nil {
		return nil
	}
	return &categorized{err, category.orOther()}
}

// categorized is an error that carries a category. Its methods are on the
// pointer, so two can be compared even if their errors cannot.
type categorized struct {
	err      error
	category Category // a valid category
}

func (e *categorized) Error() string           { return e.err.Error() }
func (e *categorized) Unwrap() error           { return e.err }
func (e *categorized) ErrorCategory() Category { return e.category }
