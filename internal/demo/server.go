package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// store is the server to which the pipeline puts documents. It notes every
// document that it took, and in an outage it misbehaves.
type store struct {
	outage   outage
	requests atomic.Int64

	// A request that is delayed holds it for reading. So the first request after
	// the outage waits, and the documents of the outage end before many others.
	delayed sync.RWMutex

	mu   sync.Mutex
	kept map[string]bool // the names of the documents that were taken

	url    string
	server http.Server
	ended  chan struct{} // closed when the server accepts no more
}

// outage says which requests fare badly. Its length is in requests, so it is
// the same on every machine.
type outage struct {
	from, requests int64         // from the request with this number on, counted from 0, so many
	late           time.Duration // how long an answer takes that still comes in time
	tooLate        time.Duration // how long the server waits when it answers too late
}

// fate is how the server treats a request.
type fate int

const (
	served fate = iota
	servedLate
	servedTooLate
	hungUpOn
)

// misfortunes are the fates of an outage's requests, in turn. One in eight is
// served, which three attempts at a document hardly ever meet.
var misfortunes = [...]fate{
	hungUpOn, servedTooLate, servedTooLate, servedLate, hungUpOn, servedTooLate, hungUpOn, servedTooLate,
}

func (o outage) fate(request int64) fate {
	if since := request - o.from; since >= 0 && since < o.requests {
		return misfortunes[since%int64(len(misfortunes))]
	}
	return served
}

// startStore starts a server on a free port of the loopback interface. The
// server writes its complaints to errors.
func startStore(o outage, errors io.Writer) (*store, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("no server: %w", err)
	}
	s := &store{
		outage: o,
		kept:   map[string]bool{},
		url:    "http://" + listener.Addr().String() + "/",
		ended:  make(chan struct{}),
	}
	s.server.Handler = s
	s.server.ErrorLog = log.New(errors, "server: ", 0)
	go func() {
		defer close(s.ended)
		if err := s.server.Serve(listener); err != http.ErrServerClosed {
			s.server.ErrorLog.Print(err)
		}
	}()
	return s, nil
}

// stop waits for the requests in hand, which are short once their clients have
// left, and ends the server.
func (s *store) stop() {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if s.server.Shutdown(ctx) != nil {
		s.server.Close()
	}
	<-s.ended
}

// ServeHTTP takes a document, or misbehaves in an outage.
func (s *store) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var delay time.Duration
	switch s.outage.fate(s.requests.Add(1) - 1) {
	case hungUpOn:
		hangUp(w)
		return
	case servedLate:
		delay = s.outage.late
	case servedTooLate:
		delay = s.outage.tooLate
	}
	// To the end, because only then the server sees the client leave.
	_, err := io.Copy(io.Discard, r.Body)
	if err != nil || !s.wait(r.Context(), delay) {
		return // there is nobody to answer
	}
	s.mu.Lock()
	s.kept[r.URL.Path] = true
	s.mu.Unlock()
	w.WriteHeader(http.StatusCreated)
}

// hangUp closes the connection under a request. The client sees a reset, or an
// end in the place of an answer.
func hangUp(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler) // this too ends a connection without an answer
	}
	conn.Close()
}

// wait waits for d, and reports whether d passed before ctx ended. Without a
// delay it waits for the requests that are delayed.
func (s *store) wait(ctx context.Context, d time.Duration) bool {
	if d == 0 {
		s.delayed.Lock()
		defer s.delayed.Unlock()
		return ctx.Err() == nil
	}
	s.delayed.RLock()
	defer s.delayed.RUnlock()
	return wait(ctx, d)
}

// wait waits for d, and reports whether d passed before ctx ended.
func wait(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// taken returns how many documents the server has.
func (s *store) taken() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.kept)
}
