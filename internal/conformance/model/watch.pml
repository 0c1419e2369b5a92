/*
 * Looks at a node's window beside records and resets: atomicmetrics/watch.go.
 *
 * RECORDERS goroutines make RECORDS records in all, into a ring that is not spread; RESETTERS goroutines reset once
 * each. One step here is one atomic operation there. README.md says what is left out, and where each step is.
 *
 * The window is of one: GOOD or BAD, as its newest sample is; NONE without one. So is a verdict; NONE is one without
 * judged. A state is its number; NIL is none. What a record stores is plain: it is in memory, and the shard free, at any
 * later time.
 */

#define RECORDERS 3
#ifndef RECORDS
#define RECORDS 3 /* of all recorders together */
#endif
#ifndef RESETTERS
#define RESETTERS 2
#endif
#ifndef LOOKS
#define LOOKS 4 /* looks: how often one record looks; a reset does so until nobody needs to any more */
#endif
#ifndef OVERLAP
#define OVERLAP 1 /* whether records overlap; if not the verdict is right at the end, else it may be that the next record looks */
#endif

#define NIL    0
#define STATES (RESETTERS + 1) /* each reset takes one away at most, and one is left */

#define NONE 0
#define GOOD 1
#define BAD  2

byte state; /* the node's: a state's number, or NIL */

/* Of a state's ring. */
byte window[STATES + 1];
bool busy[STATES + 1]; /* somebody owns the shard */

/* edge, one word. */
byte verdict;
bool looking;
bool owed;
bool wanted;

/* What a recorder has stored and nobody else sees yet: in which state, and what. */
byte pending[RECORDERS + 1]; /* the last is a reset's: it stores nothing */
byte stored[RECORDERS];

byte made;      /* states */
byte begun;     /* records */
#if !OVERLAP
bool inside;    /* a record is under way */
#endif
byte recorders; /* those that have begun: as they are all alike, in their order */
byte resetters; /* the same of these */

/* What only claims look at. */
byte alive = RECORDERS + RESETTERS; /* goroutines */
byte holders;  /* of looking */
bool breached; /* the last event was a breach */

/* Events alternate. */
#define RAISE(breach) assert(breached != breach); breached = breach

/* Looks and resets exclude each other. */
#define HOLD  looking = true; holders++; assert(holders == 1)
#define LEAVE looking = false; holders--

/* judge of rule: without a sample the verdict stays. */
#define JUDGED(v, w) ((w) == NONE -> (v) : (w))

/* A locked instruction waits until everything stored before is in memory. */
#define FENCED (pending[r] == NIL)

#if OVERLAP
#define MAY_BEGIN true
#define BEGIN skip
#define END skip
#else
#define MAY_BEGIN !inside
#define BEGIN inside = true
#define END inside = inside && r == RECORDERS
#endif
#define NEXT END; s = NIL; v = NONE; o = NONE; looks = 0; goto next
#define MORE s = NIL; v = NONE; goto more

/* lookOnce goes to next when nobody needs to look again, and to more when somebody does. */
inline lookOnce() {
	atomic {
		FENCED;
		if
		:: looking || wanted ->
			owed = true; /* step: leave owed */
			NEXT
		:: else -> owed = false; HOLD /* step: take looking */
		fi
	};
	s = state; /* step: load the state */
	atomic {
		v = (s == NIL -> verdict : JUDGED(verdict, window[s])); /* step: judge the window */
		if
		:: (verdict == BAD) != (v == BAD) -> RAISE((v == BAD)) /* step: raise what changed */
		:: else
		fi
	};
	atomic {
		verdict = v; /* step: write the verdict */
		LEAVE;
		if
		:: wanted || (s == NIL && !owed) -> NEXT
		:: !wanted && owed -> MORE
		:: else
		fi
	};
#ifndef BREAK_AGAIN
#ifndef BREAK_BUSY
	if
	:: atomic { busy[s] -> MORE }
	:: !busy[s] /* step: look whether a record is under way */
	fi;
#endif
	v = verdict; /* step: load the verdict again */
	if
	:: atomic { JUDGED(v, window[s]) != v -> MORE }
	:: atomic { JUDGED(v, window[s]) == v -> NEXT } /* step: compare with it again */
	fi
#else
	atomic { NEXT }
#endif
}

proctype recorder(byte r) {
	byte s, v, o, looks;

next:
	if
	:: atomic {
		MAY_BEGIN && begun < RECORDS && FENCED && recorders >= r && (state == NIL || !busy[state]) -> begun++; BEGIN;
		if
		:: recorders == r -> recorders++
		:: else
		fi;
		if
		:: state == NIL -> made++; state = made
		:: else
		fi;
		s = state;
		busy[s] = true; /* step: record */
		if
		:: o = GOOD
		:: o = BAD
		fi;
		pending[r] = s;
		stored[r] = o
	   }
	:: atomic { begun == RECORDS && FENCED -> goto done }
	fi;

	/* healthy and check */
	if
	:: atomic { o == GOOD && verdict == GOOD && !looking && !owed && !wanted -> NEXT } /* step: look whether all is healthy */
	:: !(o == GOOD && verdict == GOOD && !looking && !owed && !wanted)
	fi;
	if
	:: atomic { owed -> o = NONE; s = NIL; goto look }
	:: atomic { !owed -> v = verdict } /* step: look for owed */
	fi;
	if
	:: atomic { JUDGED(v, (pending[r] == s -> o : window[s])) != v -> v = NONE } /* step: compare with the verdict */
	:: atomic { JUDGED(v, (pending[r] == s -> o : window[s])) == v -> NEXT }
	fi;
look:
	lookOnce();
more:
	atomic {
		looks++;
		if
		:: looks < LOOKS -> goto look
		:: else
		fi
	};
	atomic { owed = true; NEXT }; /* step: leave the rest to others */

done:	alive--
}

proctype memory() {
	byte r;

end:
	do
	:: atomic {
		if
		:: pending[0] != NIL -> r = 0
		:: pending[1] != NIL -> r = 1
		:: pending[2] != NIL -> r = 2
		fi;
		window[pending[r]] = stored[r];
		busy[pending[r]] = false;
		pending[r] = NIL;
		stored[r] = NONE;
		r = 0
	   }
	od
}

/* swapOut, and reset until the old state is quiet. */
proctype resetter(byte k) {
	byte s;
	bool other;
	byte r = RECORDERS, old, v, o, looks;

	atomic { resetters == k -> resetters++ };
#ifndef BREAK_LOCK
take:
	other = looking;
	if
	:: atomic { other -> wanted = true; other = false } /* step: want looking */
	   (!looking || !wanted) -> goto take
	:: !other
	fi;
	atomic {
		if
		:: !looking && !other ->
#ifndef BREAK_WANTED
			wanted = false;
#endif
			HOLD /* step: take looking for a reset */
		:: else -> goto take
		fi
	};
#endif
	atomic { v = verdict; verdict = NONE }; /* step: clear the verdict */
#ifdef BREAK_CLEAR
	atomic { verdict = v };
#endif
	atomic {
		if
		:: v == BAD -> RAISE(false) /* step: raise the recovery */
		:: else
		fi;
		v = NONE
	};
	atomic { old = state; state = NIL }; /* step: swap the state out */
#ifdef BREAK_CLEAR
	atomic { verdict = NONE };
#endif
	atomic {
#ifndef BREAK_LOCK
		LEAVE; /* step: give looking back */
#endif
		if
		:: wanted || !owed -> goto next
		:: else
		fi
	};
look:
	lookOnce();
more:
	goto look;
next:
	!busy[old]; /* Quiet */
	atomic { old = NIL; alive-- }
}

init {
	byte n;

	atomic {
		run memory();
#if RESETTERS > 0
		for (n : 1 .. RESETTERS) {
			run resetter(n - 1)
		}
#endif
		for (n : 0 .. RECORDERS - 1) {
			run recorder(n)
		}
		n = 0
	}
	atomic {
		alive == 0;
		/* Nobody is left out for good, and the verdict is what was told. */
		assert(!looking && !wanted && (verdict == BAD) == breached);
		/* The verdict is right; where records overlap it may be that the next record looks. */
		assert((verdict == BAD) == (state != NIL && window[state] == BAD) || (OVERLAP && (owed || verdict == NONE)))
	}
}
