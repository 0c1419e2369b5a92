/*
 * Owners of the verdict beside records and resets, as in internal/verdict and
 * internal/ring/watch.go.
 *
 * RECORDERS goroutines make RECORDS records in all. Rings are spread at any
 * moment. RESETS goroutines reset once each. Each step here is one atomic
 * operation there. README.md has the omissions, and the place of each step.
 *
 * A window has one record, GOOD or BAD. A verdict is GOOD or BAD too, and
 * NONE before the first judgement. A record whose state differs from the
 * verdict changes the verdict. A node's window has a number, and NIL is none.
 *
 * The recorders' stores are plain. A recorder's buffer has the count of its
 * shard's decisive records, then the rest, with the release.
 */

#ifndef RECORDERS
#define RECORDERS 2
#endif
#ifndef RECORDS
#define RECORDS 4 /* of all recorders together */
#endif
#ifndef RESETS
#define RESETS 0
#endif
#ifndef SHARDS
#define SHARDS 2 /* of a spread ring */
#endif
#ifndef SPREAD
#define SPREAD 2 /* 2: rings are spread at any moment; 1: from the start; 0: never */
#endif
#if RESETS > 0
#define ONE atomic /* one step, because configurations without resets search its parts */
#else
#define ONE
#endif
#define WINDOWS (RESETS + 1)

#define NIL 0
#define NONE 0
#define GOOD 1
#define BAD  2

typedef Shard { bool busy; byte decisive, lookAt, value, stamp };
typedef Window {
	bool spread, closed;
	bool busy, frozen, unjudged; byte count, value; /* of the first shard */
	Shard shards[SHARDS];
	byte verdict; bool calm;
	byte turn, resting;
	byte owners; bool idle /* for claims: owners of the verdict; no goroutine looks or keeps a timer */
};
Window w[WINDOWS + 1];
byte state, resets;

#define FREE    0 /* turn */
#define TAKEN   1
#define ASKED   2
#define ENDED   3
#define NO      0 /* resting */
#define LOOKING 1
#define RESTING 2

typedef Buffer { byte decisive, value, stamp; bool freeze, release; byte s, k }; /* k is SHARDS for the first shard */
Buffer buffer[RECORDERS + 1]; /* the last is a reset's or a looker's, and always empty */
#define EMPTY (buffer[r].decisive == 0 && !buffer[r].release)

byte idle = (1 << RECORDERS) - 1; /* recorders between two records, a bit for each */
byte made, begun, clock, alive = RECORDERS + RESETS;
bool breached;   /* the last event was a breach */
byte raised = 1; /* the oldest window that may raise */

#define OWN(s)      w[s].owners++; assert(w[s].owners == 1)
#define LEAVE(s)    w[s].owners--
#define RAISE(s, b) assert(breached != b && s >= raised); breached = b; raised = s

/* settle settles the verdict. The caller owns the verdict, and changed is
   false before. */
inline settle(s, v) {
	atomic {
		EMPTY;
		if
		:: v != NONE && v != w[s].verdict ->
			changed = true;
			if
			:: (v == BAD) != (w[s].verdict == BAD) -> RAISE(s, (v == BAD)) /* step: raise a change */
			:: else
			fi;
			w[s].verdict = v /* step: store the verdict */
		:: else -> LEAVE(s)
		fi
	};
	if
	:: atomic { changed -> w[s].calm = (v == GOOD); LEAVE(s) } /* step: store calm */
	:: !changed
	fi
}

inline due(s) {
	if
	:: atomic { w[s].resting == NO && EMPTY -> w[s].resting = LOOKING; w[s].idle = false } /* step: plan a look */
	:: w[s].resting != NO
	fi
}

inline judgeOwned(s, v) {
	if
#ifndef BREAK_ANNOUNCED
	:: atomic { resets != 0 -> w[s].unjudged = true }
	:: atomic { resets == 0 -> w[s].unjudged = false; OWN(s) }; /* step: look for resets, as the owner */
#else
	:: atomic { true -> OWN(s) };
#endif
	   settle(s, v);
#ifndef BREAK_OWNER
	   if
	   :: changed && w[s].spread -> due(s) /* step: have a change looked at */
	   :: else
	   fi;
#endif
	   changed = false
	fi
}

#define BUFFER(window, shard, v, at) buffer[r].s = window; buffer[r].k = shard; buffer[r].value = v; buffer[r].stamp = at; buffer[r].release = true

/* Recorders are alike, so the idle recorder with the lowest number goes on. */
#define IDLE(n) ((n) < r && (idle >> (n)) & 1 && buffer[n].decisive == 0 && !buffer[n].release)
#define MY_TURN (!IDLE(0) && !IDLE(1))
#define RETURN  idle = idle | (1 << r); s = NIL; o = NONE; goto next

proctype recorder(byte r) {
	byte s, k, o, at; bool changed, reached;

next:
	if
	:: atomic {
		begun < RECORDS && EMPTY && MY_TURN -> begun++; idle = idle & ~(1 << r);
		if
		:: o = GOOD
		:: o = BAD
		fi;
		goto load
	   }
	:: begun == RECORDS && EMPTY -> goto done
	fi;
load:	atomic {
		EMPTY;
		if
		:: state == NIL -> made++; state = made
		:: else
		fi;
		s = state /* step: load the state */
	};
	if
	:: atomic { !w[s].busy && !w[s].frozen -> w[s].busy = true }; /* step: acquire the first shard */
	   if
	   :: atomic { w[s].spread || w[s].closed -> BUFFER(s, SHARDS, NONE, 0); buffer[r].freeze = true }
	   :: atomic { !w[s].spread && !w[s].closed -> skip }; /* step: look where records go */
	      judgeOwned(s, o);
	      atomic { BUFFER(s, SHARDS, o, 0); RETURN } /* step: release the first shard */
	   fi
	:: w[s].spread || w[s].closed
	fi;
	if
	:: atomic { EMPTY && w[s].closed -> goto load }
	:: EMPTY && !w[s].closed
	fi;
again:	if
	:: atomic { !w[s].shards[k].busy -> w[s].shards[k].busy = true } /* step: acquire a core's shard */
	:: atomic { k + 1 < SHARDS -> k++; goto again }
	fi;
	if
	:: atomic { w[s].closed -> w[s].shards[k].busy = false; k = 0; goto load }
	:: atomic { !w[s].closed -> clock++; at = clock }
	fi;
	if
	:: o == GOOD && w[s].calm /* step: load calm */
	:: atomic { !(o == GOOD && w[s].calm) -> buffer[r].decisive = w[s].shards[k].decisive + 1; buffer[r].s = s; buffer[r].k = k }; /* step: count a decisive record */
	   reached = (w[s].shards[k].decisive + (buffer[r].decisive != 0 -> 1 : 0) >= w[s].shards[k].lookAt) /* step: load lookAt */
	fi;
	atomic { BUFFER(s, k, o, at); at = 0; k = 0; if :: !reached -> RETURN :: else fi }; /* step: release a core's shard */
	due(s);
	atomic { reached = false; RETURN };
done:	alive--
}

/* memory takes the oldest entry of any buffer. */
proctype memory() {
	byte r;
end:	do
	:: atomic {
		if
		:: buffer[0].decisive || buffer[0].release -> r = 0
		:: buffer[1].decisive || buffer[1].release -> r = 1
#if RECORDERS > 2
		:: buffer[2].decisive || buffer[2].release -> r = 2
#endif
		fi;
		if
		:: buffer[r].decisive -> w[buffer[r].s].shards[buffer[r].k].decisive = buffer[r].decisive; buffer[r].decisive = 0
		:: else ->
			if
			:: buffer[r].k < SHARDS ->
				w[buffer[r].s].shards[buffer[r].k].value = buffer[r].value;
				w[buffer[r].s].shards[buffer[r].k].stamp = buffer[r].stamp;
				w[buffer[r].s].shards[buffer[r].k].busy = false
			:: else ->
				w[buffer[r].s].frozen = buffer[r].freeze;
				w[buffer[r].s].busy = false;
				if
				:: !buffer[r].freeze -> w[buffer[r].s].value = buffer[r].value; w[buffer[r].s].count++
				:: else
				fi
			fi;
			buffer[r].release = false; buffer[r].freeze = false; buffer[r].value = 0; buffer[r].stamp = 0; buffer[r].s = 0; buffer[r].k = 0
		fi;
		r = 0
	   }
	od
}

inline isDue(s) {
	again = w[s].busy;
	do
#ifndef BREAK_BUSY
	:: k < SHARDS && !again -> again = w[s].shards[k].busy; /* step: look whether a shard is owned */
#else
	:: k < SHARDS && !again ->
#endif
		atomic { again = again || w[s].shards[k].decisive >= w[s].shards[k].lookAt; k++ } /* step: look at the count of decisive records */
	:: atomic { else -> k = 0; break }
	od
}

inline allow(s) {
	do
	:: atomic { k < SHARDS -> w[s].shards[k].lookAt = mark[k] + (changed -> 0 : 1); mark[k] = 0; k++ } /* step: allow */
	:: atomic { k == SHARDS -> k = 0; break }
	od
}

/* The newest record, by stamp; else the first shard's. */
inline copy(s) {
	v = w[s].value; at = 0;
	for (k : 0 .. SHARDS - 1) {
		if
		:: w[s].shards[k].stamp > at -> at = w[s].shards[k].stamp; v = w[s].shards[k].value
		:: else
		fi
	}
	k = 0; at = 0
}

inline lookOnce(s) {
	if
#ifndef BREAK_ANNOUNCED
	:: resets != 0 -> skip
	:: resets == 0 -> /* step: look for resets */
#else
	:: true ->
#endif
		if
		:: !w[s].spread -> skip
		:: w[s].spread -> /* step: look whether the ring is spread */
			if
#ifndef BREAK_FIRST
			:: w[s].busy -> due(s)
			:: atomic { !w[s].busy -> OWN(s) }; /* step: look whether the first shard is owned */
#else
			:: atomic { true -> OWN(s) };
#endif
				ONE { do
				:: atomic { k < SHARDS -> mark[k] = w[s].shards[k].decisive }; /* step: load the count of decisive records */
					atomic {
#if defined(BREAK_UNCOUNTED)
						mark[k] = mark[k] - (w[s].shards[k].busy && mark[k] > 1 -> 1 : 0);
#elif !defined(BREAK_MARK)
						mark[k] = mark[k] - (w[s].shards[k].busy -> 1 : 0); /* step: leave out the record under way */
#endif
						k++
					}
				:: atomic { k == SHARDS -> k = 0; break }
				od;
				atomic { copy(s) } /* step: copy the window */ };
				settle(s, v);
#ifdef BREAK_AGAIN
				changed = false;
#endif
				ONE {
					allow(s);
					isDue(s);
					if
					:: again -> due(s) /* step: plan another look */
					:: else
					fi;
					atomic { again = false; changed = false; v = NONE }
				}
			fi
		fi
	fi
}

inline look(s) {
	do
	:: atomic { !mine && w[s].turn == FREE -> w[s].turn = TAKEN; mine = true } /* step: take the turn */
	:: atomic { !mine && w[s].turn == TAKEN -> w[s].turn = ASKED; break } /* step: ask for a look */
	:: !mine && w[s].turn >= ASKED -> break
	:: mine ->
		lookOnce(s);
		if
		:: atomic { w[s].turn == TAKEN -> w[s].turn = FREE; mine = false; break } /* step: give the turn back */
		:: atomic { w[s].turn == ASKED -> w[s].turn = TAKEN }
		fi
	od
}

/* looker is the goroutine that looks, and the timer of its rest. */
proctype looker(byte s) {
	byte r = RECORDERS, k, v, at, mark[SHARDS]; bool again, changed, mine;

end:	w[s].resting == LOOKING;
begin:	look(s);
	ONE {
	w[s].resting = RESTING; /* step: rest */
#ifdef BREAK_RESTED
	isDue(s);
	w[s].resting = NO;
#else
	w[s].resting = NO; /* step: end the rest */
	isDue(s)
#endif
	};
	if
	:: atomic { again && w[s].turn != ENDED && w[s].resting == NO -> w[s].resting = LOOKING; again = false; goto begin } /* step: look again after a rest */
	:: atomic { else -> w[s].idle = (w[s].resting == NO); again = false; goto end }
	fi
}



proctype resetter() {
	byte r = RECORDERS, s, k, v, at, n, mark[SHARDS]; bool again, changed, mine;

	resets++; /* step: announce a reset */
	atomic { s = state; state = NIL }; /* step: take the state */
	if
	:: s != NIL ->
		w[s].closed = true; /* step: close the ring */
		!w[s].busy;
		for (k : 0 .. SHARDS - 1) { !w[s].shards[k].busy } /* step: wait until the ring is quiet */
		k = 0;
		atomic {
#ifndef BREAK_TURN
			w[s].turn == FREE;
#endif
			w[s].turn = ENDED; /* step: keep the turn */
			OWN(s);
			if
			:: w[s].verdict == BAD -> RAISE(s, false) /* step: raise the recovery */
			:: else
			fi;
			raised = s + 1
		}
	:: else
	fi;
	resets--; /* step: end the reset */
#ifndef BREAK_REJUDGE
	s = state;
	if
	:: s != NIL ->
		n = w[s].count;
		do
		:: atomic { !w[s].busy && !w[s].frozen -> w[s].busy = true }; /* step: acquire the first shard to judge */
			if
			:: !w[s].spread && !w[s].closed && w[s].unjudged -> v = w[s].value; judgeOwned(s, v)
			:: else
			fi;
			atomic { w[s].busy = false; v = NONE; break }
		:: w[s].frozen || (w[s].busy && w[s].count != n) -> break
		od;
		if
		:: w[s].spread -> look(s) /* step: judge a spread ring after a reset */
		:: else
		fi
	:: else
	fi;
#endif
	alive--
}

#if SPREAD == 2
proctype spreader(byte s) {
	if
	:: atomic { !w[s].closed -> w[s].spread = true } /* step: spread */
	:: true
	fi
}
#endif

init {
	byte n, k, v, at;
	atomic {
		for (n : 1 .. WINDOWS) {
			w[n].idle = true;
			for (k : 0 .. SHARDS - 1) { w[n].shards[k].decisive = 1 }
#if SPREAD == 2
			run spreader(n);
#else
			w[n].spread = SPREAD;
#endif
			run looker(n)
		}
		k = 0;
		run memory();
#if RESETS > 0
		for (n : 1 .. RESETS) { run resetter() }
#endif
		for (n : 0 .. RECORDERS - 1) { run recorder(n) }
		n = 1
	}
	do
	:: n <= WINDOWS -> atomic { alive == 0 && w[n].idle && (w[n].turn == FREE || w[n].turn == ENDED) -> n++ }
	:: else -> break
	od;
	atomic {
		/* The verdict is that of the window, and agrees with the last event. */
		copy(state);
		assert(w[state].verdict == v && breached == (v == BAD))
	}
}
