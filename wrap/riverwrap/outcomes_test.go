package riverwrap_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"

	"github.com/nodemetrics/nodemetrics/atomicmetrics"
	"github.com/nodemetrics/nodemetrics/internal/postgres"
)

const (
	killQueue  = "killed"
	stopQueue  = "stopped"
	startQueue = "start-context"
	begun      = "begun" // a job prints it
)

// args are those of a job, whose kind is that of its scenario.
type args struct{ Scenario string }

func (a args) Kind() string { return a.Scenario }

// malformed is a job whose arguments no worker can read.
type malformed struct{ Scenario int }

func (malformed) Kind() string { return "malformed" }

// outcome is what a node should have recorded.
type outcome struct{ successes, timeouts, network, validation, other uint64 }

func read(m atomicmetrics.NodeMetrics) outcome {
	return outcome{m.SuccessCount, m.TimeoutErrors, m.NetworkErrors, m.ValidationErrors, m.OtherErrors}
}

// run is one run of a job.
type run = func(context.Context, *worker, *river.Job[args]) error

// scenario is the runs of one job, in turn, and what the middleware should
// record.
type scenario struct {
	runs    []run
	max     int // attempts
	want    outcome
	retries []uint64 // first, second, …
	// absent are failures that River stores, but no snapshot has, and why.
	absent int
	why    string
}

const (
	ignored = "Ignore accepts it"
	died    = "it died with its process"
	unseen  = "no middleware sees it"
	back    = "River takes the attempt back"
)

var (
	errFailed     = errors.New("failed")
	errInTime     = errors.New("in time") // stands for nil
	_, errInvalid = strconv.Atoi("x")
)

// returns is a run that returns err.
func returns(err error) run {
	return func(context.Context, *worker, *river.Job[args]) error { return err }
}

// late is a run that returns err, or the context's error for nil, when its
// context has ended.
func late(err error) run {
	return func(ctx context.Context, _ *worker, _ *river.Job[args]) error {
		<-ctx.Done()
		if err == nil {
			return fmt.Errorf("late: %w", ctx.Err())
		}
		return err
	}
}

// calledOff is a run whose job is canceled by a client. It returns err then.
func calledOff(err error) run {
	return func(ctx context.Context, _ *worker, job *river.Job[args]) error {
		client := river.ClientFromContext[pgx.Tx](ctx)
		// The cancellation may come before JobCancel has returned.
		if _, err := client.JobCancel(context.WithoutCancel(ctx), job.ID); err != nil {
			return err
		}
		<-ctx.Done()
		return err
	}
}

// waits is a run that says that it runs, waits for the end of its context and
// returns the cause. River's own cause is not context.Canceled.
func waits(ctx context.Context, _ *worker, _ *river.Job[args]) error {
	fmt.Println(begun)
	<-ctx.Done()
	return context.Cause(ctx)
}

func panics(context.Context, *worker, *river.Job[args]) error { panic("job") }

func snoozes(context.Context, *worker, *river.Job[args]) error {
	return fmt.Errorf("not yet: %w", river.JobSnooze(0))
}

// scenarios are by kind of job.
var scenarios = map[string]scenario{
	"succeeds":             {runs: []run{returns(nil)}, max: 4, want: outcome{successes: 1}},
	"fails":                {runs: []run{returns(errFailed)}, max: 1, want: outcome{other: 1}},
	"invalid":              {runs: []run{returns(errInvalid)}, max: 1, want: outcome{validation: 1}},
	"malformed":            {max: 1, want: outcome{validation: 1}},
	"fails-twice":          {runs: []run{returns(errFailed), returns(errFailed), returns(nil)}, max: 4, want: outcome{other: 2, successes: 1}, retries: []uint64{1, 1}},
	"fails-to-the-end":     {runs: []run{returns(errFailed), returns(errFailed), returns(errInvalid)}, max: 3, want: outcome{other: 2, validation: 1}, retries: []uint64{1, 1}},
	"snoozes":              {runs: []run{snoozes, snoozes, returns(nil)}, max: 1, want: outcome{successes: 1}},
	"fails-snoozes":        {runs: []run{returns(errFailed), snoozes, snoozes, returns(nil)}, max: 4, want: outcome{other: 1, successes: 1}, retries: []uint64{1}},
	"snoozes-fails":        {runs: []run{snoozes, returns(errFailed), snoozes, returns(errFailed), returns(nil)}, max: 4, want: outcome{other: 2, successes: 1}, retries: []uint64{1, 1}},
	"cancels-itself":       {runs: []run{returns(fmt.Errorf("job: %w", river.JobCancel(errInvalid)))}, max: 4, want: outcome{validation: 1}},
	"fails-cancels-itself": {runs: []run{returns(errFailed), returns(river.JobCancel(errFailed))}, max: 4, want: outcome{other: 2}, retries: []uint64{1}},
	"canceled":             {runs: []run{calledOff(context.Canceled)}, max: 4, absent: 1, why: ignored},
	"canceled-fails":       {runs: []run{calledOff(errFailed)}, max: 4, absent: 1, why: ignored},
	"canceled-snoozes":     {runs: []run{calledOff(river.JobSnooze(0))}, max: 4, absent: 1, why: ignored},
	"canceled-succeeds":    {runs: []run{calledOff(nil)}, max: 4, want: outcome{successes: 1}},
	"own-context-canceled": {runs: []run{returns(context.Canceled)}, max: 1, absent: 1, why: ignored},
	"panics":               {runs: []run{panics}, max: 1, want: outcome{other: 1}},
	"panics-once":          {runs: []run{panics, returns(nil)}, max: 4, want: outcome{other: 1, successes: 1}, retries: []uint64{1}},
	"late":                 {runs: []run{late(nil)}, max: 1, want: outcome{timeouts: 1}},
	"late-once":            {runs: []run{late(nil), returns(nil)}, max: 4, want: outcome{timeouts: 1, successes: 1}, retries: []uint64{1}},
	"late-fails":           {runs: []run{late(errFailed)}, max: 1, want: outcome{other: 1}},
	"late-succeeds":        {runs: []run{late(errInTime)}, max: 1, want: outcome{successes: 1}},
	stopQueue:              {runs: []run{waits, returns(nil)}, max: 4, want: outcome{successes: 1}, why: back},
	startQueue:             {runs: []run{waits, returns(nil)}, max: 4, want: outcome{successes: 1}, retries: []uint64{1}, absent: 1, why: ignored},
	killQueue:              {runs: []run{waits, returns(nil)}, max: 4, want: outcome{successes: 1}, retries: []uint64{1}, absent: 1, why: died},
}

// unknown is the kind of a job that has no worker.
const unknown = "unknown"

// worker runs the jobs of a scenario.
type worker struct {
	river.WorkerDefaults[args]
	scenario
	db *pgxpool.Pool
}

// Timeout is far shorter than a job that waits for its end.
func (w *worker) Timeout(job *river.Job[args]) time.Duration {
	if strings.HasPrefix(job.Kind, "late") {
		return time.Millisecond
	}
	return time.Hour
}

func (w *worker) NextRetry(*river.Job[args]) time.Time { return time.Now() }

func (w *worker) Work(ctx context.Context, job *river.Job[args]) error {
	var n int // a run may be in another process than the run before
	if err := w.db.QueryRow(context.WithoutCancel(ctx), `INSERT INTO runs VALUES ($1, 1)
		ON CONFLICT (job) DO UPDATE SET n = runs.n + 1 RETURNING n`, job.ID).Scan(&n); err != nil {
		return err
	}
	if err := w.runs[n-1](ctx, w, job); err != errInTime {
		return err
	}
	return nil
}

// engine is River's own counts of a kind.
type engine struct{ jobs, attempts, completed, failed, retries, snoozes uint64 }

// counts returns River's counts by kind, and how many jobs are not finished.
func counts(t *testing.T, db *pgx.Conn) (kinds map[string]engine, unfinished int) {
	t.Helper()
	rows, err := db.Query(t.Context(), `SELECT kind, count(*), sum(attempt), count(*) FILTER (WHERE state = 'completed'),
		sum(coalesce(cardinality(errors), 0)), sum(greatest(attempt - 1, 0)),
		sum(coalesce((metadata->>'snoozes')::int, 0)), count(*) FILTER (WHERE finalized_at IS NULL)
		FROM river_job GROUP BY kind`)
	if err != nil {
		t.Fatal(err)
	}
	kinds = map[string]engine{}
	var kind string
	var e engine
	var n int
	if _, err := pgx.ForEachRow(rows, []any{&kind, &e.jobs, &e.attempts, &e.completed, &e.failed, &e.retries, &e.snoozes, &n}, func() error {
		kinds[kind] = e
		unfinished += n
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return kinds, unfinished
}

// setUp makes River's tables, a table of runs, and a notification of each job
// that is finished. It returns a client that inserts jobs.
func setUp(t *testing.T, address string, db *pgx.Conn) *river.Client[pgx.Tx] {
	t.Helper()
	pool, err := pgxpool.New(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	driver := riverpgxv5.New(pool)
	logger := slog.New(slog.DiscardHandler)
	migrator, err := rivermigrate.New(driver, &rivermigrate.Config{Logger: logger})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := migrator.Migrate(t.Context(), rivermigrate.DirectionUp, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec(t.Context(), `
		CREATE TABLE runs (job bigint PRIMARY KEY, n int);
		CREATE FUNCTION tell() RETURNS trigger AS 'BEGIN NOTIFY finished; RETURN NEW; END' LANGUAGE plpgsql;
		CREATE TRIGGER finished AFTER UPDATE ON river_job FOR EACH ROW WHEN (NEW.finalized_at IS NOT NULL) EXECUTE FUNCTION tell();
		LISTEN finished`); err != nil {
		t.Fatal(err)
	}
	client, err := river.NewClient(driver, &river.Config{Logger: logger})
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// insert inserts n jobs of a kind.
func insert(t *testing.T, client *river.Client[pgx.Tx], job river.JobArgs, n, max int, queue string) {
	t.Helper()
	jobs := make([]river.InsertManyParams, n)
	for i := range jobs {
		jobs[i] = river.InsertManyParams{Args: job, InsertOpts: &river.InsertOpts{MaxAttempts: max, Queue: queue}}
	}
	if _, err := client.InsertMany(t.Context(), jobs); err != nil {
		t.Fatal(err)
	}
}

// Five processes work the jobs: one is stopped, the context of one ends, one is
// killed, and two work what is left.
func TestRunsOfManyProcessesAreCountedAsRiverCountsThem(t *testing.T) {
	address := postgres.ForTest(t)
	db := connect(t, address)
	client := setUp(t, address, db)
	const jobs = 10 // of each kind
	first := map[string]*process{}
	for _, queue := range []string{stopQueue, startQueue, killQueue} {
		insert(t, client, args{queue}, 1, scenarios[queue].max, queue)
		first[queue] = startProcess(t, address, queue)
	}
	for _, p := range first {
		p.awaitRun(t)
	}
	first[killQueue].kill(t)
	snapshots := []atomicmetrics.Snapshot{first[stopQueue].stop(t), first[startQueue].stop(t)}
	// River takes the job of the killed process for lost after an hour.
	if _, err := db.Exec(t.Context(), `UPDATE river_job SET attempted_at = attempted_at - interval '2 hours' WHERE kind = $1`, killQueue); err != nil {
		t.Fatal(err)
	}

	for kind, s := range scenarios {
		switch {
		case first[kind] != nil:
		case kind == "malformed":
			insert(t, client, malformed{}, jobs, s.max, river.QueueDefault)
		default:
			insert(t, client, args{kind}, jobs, s.max, river.QueueDefault)
		}
	}
	insert(t, client, args{unknown}, jobs, 1, river.QueueDefault)
	var workers []*process
	for range 2 {
		workers = append(workers, startProcess(t, address, river.QueueDefault, stopQueue, startQueue, killQueue))
	}
	kinds, unfinished := counts(t, db)
	for unfinished > 0 {
		if _, err := db.WaitForNotification(t.Context()); err != nil {
			t.Fatal(err)
		}
		kinds, unfinished = counts(t, db)
	}
	for _, p := range workers {
		snapshots = append(snapshots, p.stop(t))
	}
	fleet, err := atomicmetrics.Merge(snapshots...)
	if err != nil {
		t.Fatal(err)
	}

	expected := maps.Clone(scenarios)
	expected[unknown] = scenario{absent: 1, why: unseen}
	t.Logf("%-21s %33s %33s", "", "River: runs failed retries snoozes", "ours: runs failed retries ignored")
	for _, kind := range slices.Sorted(maps.Keys(expected)) {
		s, got, left, e := expected[kind], fleet.Nodes[kind], fleet.Ignored[kind], kinds[kind]
		t.Logf("%-21s %11d %6d %7d %7d %11d %6d %7d %7d  %s", kind, e.attempts, e.failed, e.retries, e.snoozes,
			got.TotalExecutions, got.FailureCount, got.RetryCount, left, s.why)
		n, absent := e.jobs, e.jobs*uint64(s.absent)
		want := outcome{n * s.want.successes, n * s.want.timeouts, n * s.want.network, n * s.want.validation, n * s.want.other}
		var retries [8]uint64
		for i := range s.retries {
			retries[i] = n * s.retries[i]
		}
		if read(got) != want || got.RetriesByAttempt != retries {
			t.Errorf("%s: %+v, retries %v; want %+v, %v", kind, read(got), got.RetriesByAttempt, want, retries)
		}
		ours := engine{n, got.TotalExecutions + absent, got.SuccessCount, got.FailureCount + absent, got.RetryCount, left}
		if s.why == ignored {
			ours.snoozes -= absent // the failures that Ignore accepts are among the executions left out
		}
		if s.why == back {
			ours.snoozes -= n
		}
		if ours != e || n == 0 {
			t.Errorf("%s: %+v with %d that are absent because %s; River counts %+v", kind, ours, absent, s.why, e)
		}
	}
	if len(kinds) != len(expected) {
		t.Errorf("River has %d kinds, want %d", len(kinds), len(expected))
	}
}
