package helper

import "errors"

// ErrGoexit is what the failed function of [New] is given when a delivery ended its goroutine by [runtime.Goexit]
// (under GODEBUG=panicnil=1 also for panic(nil), which looks the same).
var ErrGoexit = errors.New("runtime.Goexit was called")

// start starts a helper if something waits and none is running. It is called after every link and after every release
// of running, and that is why no cell is left behind: the Put that linked it finds running free, and makes a helper, or
// finds it taken. Then whoever has it looks again after giving it back, finds it free or taken, and so on, until the
// cell is taken. And as only one can turn running to true before it is false again, no two helpers run at once.
//
// An empty queue needs no helper, whoever asks: without that look, retire would start one after the other for ever.
func (q *Queue[T]) start() {
	if !q.running.Load() && !q.empty() && q.running.CompareAndSwap(false, true) {
		go q.work()
	}
}

// run is the helper; it owns running. It ends when nothing waits or when a delivery ends the goroutine. To retire both
// are the same, so that who goes on never hangs on telling Goexit from a panic, which recover cannot always do.
func (q *Queue[T]) run() {
	defer q.retire()
	for {
		item, ok := q.next()
		if !ok {
			return
		}
		q.handle(item)
	}
}

// retire gives running back, and only then looks whether something has come in meanwhile.
func (q *Queue[T]) retire() {
	q.running.Store(false)
	q.start()
}

// next takes the oldest waiting cell, announced before it is taken, so that whoever finds it taken finds the
// announcement too.
func (q *Queue[T]) next() (item T, ok bool) {
	for {
		h := q.head.Load()
		n := h.next.Load()
		if n == nil {
			return item, false
		}
		if item, ok = q.claim(h, n); ok {
			return item, true
		}
	}
}

// claim announces the cell n and takes it. If a Put was faster, the announcement was wrong and is withdrawn, with a
// wake: a Flush may have believed it and be waiting, and the next delivery may never return.
func (q *Queue[T]) claim(h, n *cell[T]) (item T, ok bool) {
	q.delivering.Store(n.seq)
	if item, ok = q.take(h, n); !ok {
		q.settle()
	}
	return item, ok
}

// handle delivers the item and reports a failure. However deliver and failed end, the item is settled.
func (q *Queue[T]) handle(item T) {
	defer q.settle()
	returned := false
	defer func() {
		if returned {
			return
		}
		v := recover()
		if v == nil {
			v = ErrGoexit
		}
		q.report(v)
	}()
	q.deliver(item)
	returned = true
}

func (q *Queue[T]) report(v any) {
	defer func() { _ = recover() }()
	if q.failed != nil {
		q.failed(v)
	}
}

// settle withdraws the announcement: nothing is in delivery.
func (q *Queue[T]) settle() {
	q.delivering.Store(0)
	q.wake()
}
