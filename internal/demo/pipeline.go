package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"go/ast"
	"go/format"
	"go/parser"
	"go/scanner"
	"go/token"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cenkalti/backoff/v5"

	"github.com/nodemetrics/nodemetrics/atomicmetrics"
	"github.com/nodemetrics/nodemetrics/wrap"
)

// plan has the fixed figures of a run. These are the retries of publish, the
// outage of the server, the hang of the disk, and the thresholds.
type plan struct {
	timeout     time.Duration // of an attempt to publish
	attempts    int           // to publish a document
	pause       time.Duration // before the second attempt, about; longer before the next
	failureRate float64       // threshold of every node
	latency     time.Duration // threshold of publish
	running     time.Duration // threshold of read
	recovery    float64       // of failureRate and latency

	outageFrom     float64       // the outage begins after this share of the files,
	outageRequests int64         // and lasts for so many requests
	hangAt         int64         // the read that hangs, from 0; some files before the outage
	hang           time.Duration // for so long; 0: none hangs
}

// defaultPlan keeps an outage well apart from the effects of a busy machine.
// The pipeline publishes a document within a few milliseconds, and on a busy
// machine within tens. In an outage a document is hardly ever published within
// the latency threshold. By misfortunes at least nine documents fail in an
// outage, and six in a hundred are a breach. The outage is early, so even of
// 200 files a whole window comes after it. The store answers nobody after the
// outage before its delayed requests have ended. So no slow document comes after
// a window of fast ones.
var defaultPlan = plan{
	timeout:        time.Second,
	attempts:       3,
	pause:          10 * time.Millisecond,
	failureRate:    0.05,
	latency:        950 * time.Millisecond,
	running:        time.Second,
	recovery:       0.5,
	outageFrom:     0.1,
	outageRequests: 56,
	hangAt:         10,
	hang:           2 * time.Second,
}

func (p plan) outage(files int) outage {
	return outage{
		from:     int64(p.outageFrom * float64(files)),
		requests: p.outageRequests,
		late:     p.timeout * 3 / 5,
		tooLate:  4 * p.timeout,
	}
}

// options returns the options of a collector for the pipeline.
func (p plan) options(window int) []atomicmetrics.Option {
	// With at least fifty samples, a single slow document makes no breach.
	thresholds := atomicmetrics.Thresholds{
		FailureRate: p.failureRate,
		MinSamples:  max(0, min(50, window)),
		Recovery:    p.recovery,
	}
	publish, read := thresholds, thresholds
	publish.Latency, read.Running = p.latency, p.running
	return []atomicmetrics.Option{
		atomicmetrics.WithWindowSize(window),
		atomicmetrics.WithInFlight(),
		atomicmetrics.WithThresholds(thresholds),
		atomicmetrics.WithNodeThresholds("publish", publish),
		atomicmetrics.WithNodeThresholds("read", read),
	}
}

// nodes are the names of the pipeline's nodes, in order.
var nodes = [...]string{"read", "parse", "format", "compress", "publish"}

// The values that pass between the nodes.
type (
	source struct { // from read to parse
		name string
		text []byte
	}
	syntax struct { // from parse to format
		files *token.FileSet
		tree  *ast.File
	}
	parcel struct { // from compress to publish
		name     string
		data     []byte
		attempts int // to publish it, so far
	}
)

// pipeline runs files through the nodes, all of which record to one collector.
type pipeline struct {
	root   string
	url    string // where documents are put
	client http.Client
	plan   plan
	reads  atomic.Int64 // that have begun

	read     stage[string, source]
	parse    stage[source, syntax]
	format   stage[syntax, []byte]
	compress stage[[]byte, []byte]
	publish  stage[*parcel, struct{}]

	files atomic.Int64 // done
}

// fed returns the tallies in the order of nodes.
func (l *pipeline) fed() [len(nodes)]*tally {
	return [...]*tally{l.read.fed, l.parse.fed, l.format.fed, l.compress.fed, l.publish.fed}
}

// stage is a node with counts of its own, to compare with the collector's.
type stage[In, Out any] struct {
	call wrap.Func[In, Out]
	fed  *tally
}

// tally counts executions by outcome. A tally shares nothing with the
// collector.
type tally struct {
	succeeded                           atomic.Uint64
	timeout, validation, network, other atomic.Uint64
	retries                             atomic.Uint64
}

func (t *tally) add(err error) {
	switch {
	case err == nil:
		t.succeeded.Add(1)
	case errors.Is(err, context.DeadlineExceeded):
		t.timeout.Add(1)
	case errors.As(err, new(scanner.ErrorList)):
		t.validation.Add(1)
	case errors.As(err, new(*url.Error)):
		t.network.Add(1)
	default:
		t.other.Add(1)
	}
}

// run runs the node, and reports whether it succeeded.
func (s stage[In, Out]) run(ctx context.Context, in In) (Out, bool) {
	out, err := s.call(ctx, in)
	s.fed.add(err)
	return out, err == nil
}

func newPipeline(c *atomicmetrics.Collector, p plan, root, url string, workers int) *pipeline {
	l := &pipeline{root: root, url: url, plan: p}
	// No proxy stands between the demo and its own server. There may be an idle
	// connection for each worker, so a healthy run opens no more than that.
	l.client.Transport = &http.Transport{MaxIdleConnsPerHost: workers}

	retry := &wrap.Retry{MaxAttempts: p.attempts, Backoff: func() backoff.BackOff {
		b := backoff.NewExponentialBackOff()
		b.InitialInterval, b.Multiplier, b.MaxInterval = p.pause, 2, 8*p.pause
		return b
	}}
	l.read = newStage(wrap.Config{Name: "read", Collector: c}, l.readFile)
	l.parse = newStage(wrap.Config{Name: "parse", Collector: c}, parseSource)
	l.format = newStage(wrap.Config{Name: "format", Collector: c}, formatSyntax)
	l.compress = newStage(wrap.Config{Name: "compress", Collector: c}, compressText)
	l.publish = newStage(wrap.Config{Name: "publish", Collector: c, Retry: retry, Timeout: p.timeout}, l.put)
	return l
}

func newStage[In, Out any](cfg wrap.Config, fn wrap.Func[In, Out]) stage[In, Out] {
	return stage[In, Out]{wrap.MustNode(cfg, fn), new(tally)}
}

// run runs the files through the pipeline, as many at a time as there are
// workers. When ctx ends, the workers finish the files in hand and begin no
// more. So every execution has an outcome, and the account can be complete.
func (l *pipeline) run(ctx context.Context, files []string, workers int) {
	defer l.client.CloseIdleConnections()
	var next atomic.Int64
	var all sync.WaitGroup
	for range min(workers, len(files)) {
		all.Go(func() {
			for ctx.Err() == nil {
				i := int(next.Add(1)) - 1
				if i >= len(files) {
					return
				}
				l.process(context.WithoutCancel(ctx), files[i])
				l.files.Add(1)
			}
		})
	}
	all.Wait()
}

// process runs a file through the nodes, until a node fails.
func (l *pipeline) process(ctx context.Context, name string) {
	src, ok := l.read.run(ctx, name)
	if !ok {
		return
	}
	tree, ok := l.parse.run(ctx, src)
	if !ok {
		return
	}
	text, ok := l.format.run(ctx, tree)
	if !ok {
		return
	}
	data, ok := l.compress.run(ctx, text)
	if !ok {
		return
	}
	p := &parcel{name: name + ".gz", data: data}
	l.publish.run(ctx, p)
	l.publish.fed.retries.Add(uint64(p.attempts - 1))
}

// readFile reads a file. Once in a run it hangs, as on a disk that fails.
func (l *pipeline) readFile(ctx context.Context, name string) (source, error) {
	if l.reads.Add(1)-1 == l.plan.hangAt {
		wait(ctx, l.plan.hang)
	}
	text, err := os.ReadFile(filepath.Join(l.root, filepath.FromSlash(name)))
	return source{name, text}, err
}

// parseSource fails with a scanner.ErrorList, which classifies as validation.
func parseSource(_ context.Context, src source) (syntax, error) {
	files := token.NewFileSet()
	tree, err := parser.ParseFile(files, src.name, src.text, parser.ParseComments|parser.SkipObjectResolution)
	return syntax{files, tree}, err
}

func formatSyntax(_ context.Context, s syntax) ([]byte, error) {
	var text bytes.Buffer
	err := format.Node(&text, s.files, s.tree)
	return text.Bytes(), err
}

// compressors are kept from document to document, because each takes most of a
// megabyte.
var compressors = sync.Pool{New: func() any { return gzip.NewWriter(nil) }}

func compressText(_ context.Context, text []byte) ([]byte, error) {
	var data bytes.Buffer
	z := compressors.Get().(*gzip.Writer)
	defer compressors.Put(z)
	z.Reset(&data)
	if _, err := z.Write(text); err != nil {
		return nil, err
	}
	err := z.Close()
	return data.Bytes(), err
}

// put is an attempt to publish a document. A second attempt does no harm.
func (l *pipeline) put(ctx context.Context, p *parcel) (struct{}, error) {
	p.attempts++
	target := l.url + (&url.URL{Path: p.name}).EscapedPath()
	request, err := http.NewRequestWithContext(ctx, http.MethodPut, target, bytes.NewReader(p.data))
	if err != nil {
		return struct{}{}, err
	}
	response, err := l.client.Do(request)
	if err != nil {
		return struct{}{}, err
	}
	defer response.Body.Close()
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		return struct{}{}, err
	}
	if response.StatusCode != http.StatusCreated {
		return struct{}{}, fmt.Errorf("the server answered %s", response.Status)
	}
	return struct{}{}, nil
}
