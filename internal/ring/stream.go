package ring

import "sync/atomic"

// stream is what a Ring keeps large windows in: the newest samples as they are, the older ones folded into t-digests.
//
// A record is as in any Ring, but that the shard's owner puts the sample into the shard's lane: a chain of segments, with
// another one behind each that is full. Those that have another behind them do not change any more. They are packed
// (sorted, and grouped into centroids) and folded into generations, by one owner of folding at a time, which is usually
// the helper goroutine. What has been folded is one pointer, published by that owner: it says how far in each lane it
// goes. So a reader that finds the pointer unchanged after it has walked the lanes back to there has seen every sample
// exactly once.
//
// Nobody waits for an owner of folding that is held up. Recorders that get far ahead of it pack their own full segments,
// a step with every record, which leaves it little to do, and it forgets unseen what has a window of newer samples; held up
// for good it costs memory, and reads that look at all there is.
//
// The slots of segments that have been folded, or packed by recorders, are used again. Recorders so take hardly any new
// memory, which would cost them more than anything else here: page faults, and the garbage collector's work.
type stream struct {
	ring        *Ring
	window      int
	compression float64
	schedule    func() // called when there is something to fold, by a recorder: it must not wait

	first   *lane // the first shard's
	folded  atomic.Pointer[folded]
	owner   atomic.Uint32 // of folding: idle, folding, or folding with more to do
	backlog atomic.Int64  // samples of segments that have others behind them, and are not folded
	spares  spares

	batch      int64 // a backlog of so many is folded
	maxBacklog int64 // with a larger one recorders pack
}

const (
	idle uint32 = iota
	folding
	foldAgain
)

// finer is how much finer than asked for the digests inside are: a generation is merged from hundreds of packs and a
// read merges the generations, and each merge loses a little. With 2.2, no centroid at the median has a hundredth of the
// samples: one that bridges a gap between two modes may be that wrong.
const finer = 2.2

// Waking whoever folds costs a recorder microseconds, and so does what it takes from the recorders' cores. So it is done
// for many samples at once, if these are little of the window.
const maxBatch = 1536

func newStream(r *Ring, window int, compression float64, schedule func()) *stream {
	s := &stream{ring: r, window: window, compression: finer * compression, schedule: schedule}
	s.batch = int64(min(maxBatch, window/200))
	s.maxBacklog = int64(min(4*maxBatch, window/8))
	s.first = s.newLane(firstLane, 1)
	s.folded.Store(new(folded))
	return s
}

// wake has what is due folded. It is called when the recorder owns no shard any more.
func (s *stream) wake(due bool) {
	if due {
		s.schedule()
	}
}

// smallWindow is how many samples are kept as they are: up to so many, nothing is packed and nothing folded.
const smallWindow = 4096

func (s *stream) small() bool { return s.folded.Load().ever == 0 && s.ring.completed() <= smallWindow }

// lanes yields the lanes that there are with their shards, the first one last: it is the oldest, where there are others.
func (s *stream) lanes(yield func(*lane, *shard) bool) {
	for c := range s.ring.cores.Load().all {
		if !yield(c.lane, &c.shard) {
			return
		}
	}
	yield(s.first, &s.ring.first)
}

// seal ends the segments of all lanes that have samples, so that those of idle ones can be folded. A lane alone needs
// none of it: what it has is the newest.
func (s *stream) seal() {
	for c := range s.ring.cores.Load().all {
		c.lane.seal(&c.shard)
	}
}
