package wrap_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cenkalti/backoff/v5"

	"github.com/nodemetrics/nodemetrics/atomicmetrics"
	"github.com/nodemetrics/nodemetrics/wrap"
)

// ending is how an attempt of a script ends, if nothing ends it before.
type ending int

const (
	succeeds ending = iota
	fails
	failsPermanently
	failsPermanentlyInside
	asksForALaterRetry
	panics
	exitsGoroutine
	endings
)

// attempt is one attempt of a script.
type attempt struct {
	takes time.Duration
	ends  ending
	err   error         // what it returns; or the value of its panic
	after time.Duration // what asksForALaterRetry asks for
	heeds bool          // its context's end, with the context's error
}

// script is one call, chosen at random. Attempts, waits and timeouts are so many seconds, a timeout a millisecond more,
// the caller's context ends at half a second: no two things happen at the same time.
type script struct {
	attempts    []attempt
	maxAttempts int                     // 0: no Retry
	waits       func(n int) (int, bool) // seconds to wait before the nth retry since the policy's reset; false: stop
	policy      func() backoff.BackOff
	refused     error // Retry.If says no to this error; nil: there is no If
	timeout     time.Duration
	end         time.Duration // of the caller's context; negative: before the call; 0: never
	expires     bool          // at its end; else it is cancelled
	ignored     error         // Ignore says yes to this error; nil: there is no Ignore
}

// result is what a call did.
type result struct {
	out       int   // the last attempt's number; 0 when it did not return
	err       error // what it returned
	how       ending
	attempts  int
	took      time.Duration
	recorded  bool
	success   bool
	judged    error // what the classifier was asked about
	questions int   // to the classifier
}

func randomScript(r *rand.Rand) script {
	s := script{maxAttempts: r.IntN(6)}
	seconds := func(n int) time.Duration { return time.Duration(r.IntN(n)) * time.Second }
	for i := range max(s.maxAttempts, 1) {
		a := attempt{takes: seconds(5), heeds: r.IntN(2) == 0, err: fmt.Errorf("attempt %d", i+1)}
		a.ends = fails
		if r.IntN(3) == 0 {
			a.ends = ending(r.IntN(int(endings)))
		}
		switch a.ends {
		case succeeds:
			a.err = nil
		case failsPermanently:
			a.err = backoff.Permanent(a.err)
		case failsPermanentlyInside:
			a.err = fmt.Errorf("more: %w", backoff.Permanent(a.err))
		case asksForALaterRetry:
			a.after = seconds(4)
			a.err = fmt.Errorf("busy: %w", &backoff.RetryAfterError{Duration: a.after})
		}
		s.attempts = append(s.attempts, a)
	}
	switch most := r.IntN(4); r.IntN(4) {
	case 0:
		s.waits = func(int) (int, bool) { return most, true }
		s.policy = func() backoff.BackOff { return backoff.NewConstantBackOff(time.Duration(most) * time.Second) }
	case 1:
		s.waits = func(n int) (int, bool) { return 1 << (n - 1), true }
		s.policy = func() backoff.BackOff {
			return &backoff.ExponentialBackOff{InitialInterval: time.Second, Multiplier: 2, MaxInterval: time.Hour}
		}
	case 2:
		s.waits = func(int) (int, bool) { return 0, true }
		s.policy = func() backoff.BackOff { return &backoff.ZeroBackOff{} }
	case 3:
		s.waits = func(n int) (int, bool) { return 2, n <= most }
		s.policy = func() backoff.BackOff { return &scripted{waits: repeat(2*time.Second, most), next: most} }
	}
	if r.IntN(3) == 0 {
		s.timeout = time.Millisecond + seconds(4)
	}
	if r.IntN(2) == 0 {
		s.end = 500*time.Millisecond + seconds(10) - time.Second
		s.expires = r.IntN(2) == 0
	}
	someError := func() error {
		errs := []error{nil, context.Canceled, context.DeadlineExceeded, s.attempts[r.IntN(len(s.attempts))].err}
		return errs[r.IntN(len(errs))]
	}
	s.refused, s.ignored = someError(), someError()
	return s
}

// contextError is the error of the caller's context once it has ended.
func (s script) contextError() error {
	if s.expires {
		return context.DeadlineExceeded
	}
	return context.Canceled
}

// predict says what a call of the script does, second by second and case by case.
func (s script) predict() (r result) {
	ended := func() bool { return s.end != 0 && r.took >= s.end }
	sincePolicyReset := 0
	for _, a := range s.attempts {
		r.attempts++
		r.how, r.err = a.ends, a.err
		over := r.took + a.takes
		if a.heeds && a.takes > 0 {
			if s.timeout > 0 && r.took+s.timeout < over {
				over, r.how, r.err = r.took+s.timeout, fails, context.DeadlineExceeded
			}
			if s.end != 0 && s.end < over {
				over, r.how, r.err = max(s.end, r.took), fails, s.contextError()
			}
		}
		r.took = over
		if r.how == panics || r.how == exitsGoroutine {
			r.out, r.recorded = 0, true
			if r.how == exitsGoroutine {
				r.err = nil
			}
			return r
		}
		r.out = r.attempts
		if r.how == succeeds {
			r.recorded, r.success = true, true
			return r
		}
		if r.attempts == max(s.maxAttempts, 1) || ended() || r.how == failsPermanently || r.how == failsPermanentlyInside ||
			s.refused != nil && r.err == s.refused {
			break
		}
		sincePolicyReset++
		seconds, more := s.waits(sincePolicyReset)
		if !more {
			break
		}
		wait := time.Duration(seconds) * time.Second
		if r.how == asksForALaterRetry {
			wait, sincePolicyReset = a.after, 0
		}
		if s.end != 0 && s.end < r.took+wait {
			r.took = s.end
			break
		}
		r.took += wait
	}
	if r.how == failsPermanently {
		r.err = r.err.(*backoff.PermanentError).Err
	}
	r.recorded = s.ignored == nil || s.ignored != r.err && !(ended() && s.ignored == s.contextError())
	if r.recorded {
		r.judged, r.questions = r.err, 1
	}
	return r
}

// play makes a call of the script. What it takes from the collector is checked against itself.
func (s script) play(t *testing.T) (r result) {
	m := newCollector(t, atomicmetrics.WithClassifier(func(err error) atomicmetrics.Category {
		r.judged = err
		r.questions++
		return atomicmetrics.CategoryValidation
	}))
	cfg := wrap.Config{Name: "node", Collector: m, Timeout: s.timeout}
	if s.maxAttempts > 0 {
		cfg.Retry = &wrap.Retry{MaxAttempts: s.maxAttempts, Backoff: s.policy}
		if s.refused != nil {
			cfg.Retry.If = func(err error) bool { return err != s.refused }
		}
	}
	if s.ignored != nil {
		cfg.Ignore = func(err error) bool { return err == s.ignored }
	}
	ctx, cancel := context.WithCancel(t.Context())
	switch {
	case s.end != 0 && s.expires:
		ctx, cancel = context.WithTimeout(t.Context(), s.end)
	case s.end < 0:
		cancel()
	case s.end > 0:
		time.AfterFunc(s.end, cancel)
	}
	defer cancel()
	node := wrap.MustNode(cfg, func(ctx context.Context, _ int) (int, error) {
		a := s.attempts[r.attempts]
		r.attempts++
		if a.takes > 0 {
			var over <-chan struct{}
			if a.heeds {
				over = ctx.Done()
			}
			select {
			case <-time.After(a.takes):
			case <-over:
				return r.attempts, ctx.Err()
			}
		}
		switch a.ends {
		case panics:
			panic(a.err)
		case exitsGoroutine:
			runtime.Goexit()
		}
		return r.attempts, a.err
	})
	start, done := time.Now(), make(chan struct{})
	go func() {
		defer close(done)
		r.how = exitsGoroutine
		defer func() {
			if p := recover(); p != nil {
				r.how, r.err = panics, p.(error)
			}
		}()
		r.out, r.err = node(ctx, 0)
		r.how = fails
		if r.err == nil {
			r.how = succeeds
		}
	}()
	<-done
	r.took = time.Since(start)

	got := m.NodeMetrics("node")
	r.recorded, r.success = got.TotalExecutions == 1, got.SuccessCount == 1
	want := atomicmetrics.NodeMetrics{RetryCount: uint64(r.attempts - 1), RetriesByAttempt: got.RetriesByAttempt}
	for i := range r.attempts - 1 {
		if got.RetriesByAttempt[i] != 1 {
			t.Errorf("retries by attempt %v, in %d attempts", got.RetriesByAttempt, r.attempts)
		}
	}
	if r.recorded {
		want.TotalExecutions, want.WindowSamples = 1, 1
		want.LastExecution, want.AvgExecution, want.TotalDuration = r.took, r.took, r.took
		want.P50, want.P90, want.P99, want.WindowMin, want.WindowMax = r.took, r.took, r.took, r.took, r.took
		switch {
		case r.success:
			want.SuccessCount = 1
		case r.questions > 0:
			want.FailureCount, want.ValidationErrors, want.WindowFailures = 1, 1, 1
		default:
			want.FailureCount, want.OtherErrors, want.WindowFailures = 1, 1, 1
		}
	}
	if got != want {
		t.Errorf("metrics %+v,\nwant    %+v", got, want)
	}
	return r
}

// TestCallsDoWhatTheModelSays plays random calls and compares all that can be seen of them with a prediction.
func TestCallsDoWhatTheModelSays(t *testing.T) {
	const calls = 3000
	seed := uint64(time.Now().UnixNano()) // printed with a failure: put it here to see it again
	random := rand.New(rand.NewPCG(seed, 0))
	seen := map[string]int{}
	synctest.Test(t, func(t *testing.T) {
		for i := range calls {
			s := randomScript(random)
			want := s.predict()
			got := s.play(t)
			if want.how != succeeds && want.how < panics {
				want.how = fails // that is all that can be seen of it
			}
			if got != want || t.Failed() {
				t.Fatalf("seed %d, call %d: %+v\ngot  %+v\nwant %+v", seed, i, s, got, want)
			}
			seen[fmt.Sprintf("ending %d", got.how)]++
			seen[fmt.Sprintf("attempts %d", got.attempts)]++
			seen[fmt.Sprintf("recorded %t", got.recorded)]++
			seen[fmt.Sprintf("out of time %t", errors.Is(got.err, context.DeadlineExceeded))]++
			seen[fmt.Sprintf("at the context's end %t", s.end > 0 && got.took == s.end)]++
		}
	})
	// Of each kind there are dozens at least, so that a missing one is not chance.
	for _, kind := range []string{
		"ending 0", "ending 1", "ending 5", "ending 6", "recorded true", "recorded false",
		"attempts 1", "attempts 2", "attempts 3", "attempts 4", "attempts 5", "out of time true", "at the context's end true",
	} {
		if seen[kind] == 0 {
			t.Errorf("no call of kind %q among %v", kind, seen)
		}
	}
}
