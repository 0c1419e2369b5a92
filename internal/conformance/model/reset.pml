/*
 * The hand-over of a reset, by State of internal/life, and Close and Quiet of
 * internal/ring.
 *
 * RECORDERS goroutines make RECORDS records and RETRIES retries in all.
 * RESETTERS goroutines reset once each. Each step here is one atomic operation
 * there. README.md has the omissions, and the place of each step.
 *
 * A state is its number. NIL is none. The owner's stores are plain. So each
 * recorder has a store buffer, whose entries reach memory in order, at any
 * later time. A record stores a single counter here. record.pml has all of its
 * stores.
 */

#define RECORDERS 3
#ifndef RECORDS
#define RECORDS 3 /* of all recorders together */
#endif
#ifndef RETRIES
#define RETRIES 1 /* of all recorders together */
#endif
#ifndef RESETTERS
#define RESETTERS 2
#endif
#ifndef CORES
#define CORES 1 /* shards of cores in a spread ring; 0: the ring is never spread */
#endif
#ifndef MORE
#define MORE 0 /* shards in cores.more, at most */
#endif

#define BUSY   128
#define FROZEN 64
#define CLOSED 128 /* in the word of the retries */

#define FIRST  0 /* the number of the first shard; further shards are 1 … SHARDS */
#define SHARDS (CORES + MORE)

#define NIL    0
#define STATES (RESETTERS + 1) /* each reset takes at most one state away, and one state is left */

/* Where a ring's records go, which is the target of its pointer cores. */
#define SPREAD       1
#define CLOSED_CORES 2

typedef NodeState {
	byte cores;              /* NIL, SPREAD or CLOSED_CORES */
	bool closed;             /* of the cores of a spread ring */
	byte more;               /* shards in cores.more */
	byte head[SHARDS + 1];   /* BUSY and FROZEN alone */
	byte counts[SHARDS + 1]; /* of executions */
	byte retries;

	bool final               /* for claims only, a reset has found the state quiet */
};

NodeState states[STATES + 1];
byte state; /* the node's state by number, or NIL */

mtype = { COUNT, HEAD };
chan buffer[RECORDERS] = [3] of { mtype, byte, byte, byte }; /* the place, the state and shard, the value */

byte made;    /* states */
byte begun;   /* records */
byte retried; /* retries that have begun */
byte idle = (1 << RECORDERS) - 1; /* recorders between two records, a bit for each */

/* What only claims look at. */
byte alive = RECORDERS + RESETTERS; /* goroutines */
byte taken;   /* how many resets have begun */
byte cleared; /* executions and retries that resets have returned */

#define IN(id, set) (((set) >> (id)) & 1)
#define STORE(what, shard, value) buffer[r]!what, s, shard, value
#define IS_CLOSED (states[s].cores == CLOSED_CORES || states[s].closed)

/* A recorder loads the head before its CAS. If the head has changed since,
   the CAS fails, which is the same as a recorder that turns to another
   shard. If not, the load makes no difference. The CAS waits until the
   buffer is empty, as a locked instruction does. */
#define FREE(n) (states[s].head[n] < FROZEN && len(buffer[r]) == 0)
#ifdef BREAK_FENCE
#define OWN(n) STORE(HEAD, n, BUSY); shard = n
#else
#define OWN(n) states[s].head[n] = states[s].head[n] | BUSY; shard = n
#endif

/* Recorders are alike. So of the idle recorders with empty buffers, the
   recorder with the lowest number goes on. */
#define IDLE(n) ((n) < r && IN(n, idle) && len(buffer[n]) == 0)
#define MY_TURN (!IDLE(0) && !IDLE(1) && !IDLE(2))

inline forget() {
	s = NIL;
	shard = 0
}

inline ends() {
	forget();
	idle = idle | (1 << r)
}

/* Nobody sees the entries of a buffer, so a record puts all of its stores
   there in one step. */
inline count() {
	STORE(COUNT, shard, states[s].counts[shard] + 1); /* step: count */
	STORE(HEAD, shard, 0);                            /* step: release */
	ends()
}

proctype recorder(byte r) {
	byte s, shard, seen;
	bool retry;

next:
	if
	:: atomic { begun == RECORDS && retried == RETRIES -> goto done }
	:: atomic { begun < RECORDS && MY_TURN -> begun++; idle = idle & ~(1 << r) }
	:: atomic { retried < RETRIES && MY_TURN -> retried++; idle = idle & ~(1 << r); retry = true }
	fi;
again:
	if
	:: atomic { state == NIL -> made++; state = made; goto again } /* step: make a state */
	:: atomic { state != NIL && !retry -> s = state } /* step: load the state */
	:: atomic { state != NIL && retry -> s = state; goto retries }
	fi;

	/* Record of the ring. */
#ifdef BREAK_LOOK
	if
	:: states[s].cores == NIL
	:: atomic { states[s].cores != NIL -> goto elsewhere }
	fi;
#endif
	if
	:: atomic { FREE(FIRST) -> OWN(FIRST) } /* step: acquire the first shard */
	:: atomic { states[s].cores != NIL -> goto elsewhere } /* step: leave a first shard that is not to be had */
#if CORES > 0
	:: atomic { states[s].cores == NIL -> states[s].cores = SPREAD; goto elsewhere } /* step: spread */
#endif
	fi;
#ifndef BREAK_LOOK
	if
	:: atomic { states[s].cores != NIL -> STORE(HEAD, FIRST, FROZEN); goto elsewhere } /* step: look where records go */
	:: atomic { states[s].cores == NIL -> count(); goto next }
	fi;
#else
	atomic { count(); goto next };
#endif

elsewhere:
	if
	:: atomic { IS_CLOSED -> forget(); goto again } /* step: look whether it is closed */
	:: atomic { !IS_CLOSED -> shard = 0 }
	fi;
#if CORES > 0
	if /* on its own core, or on any core */
	:: atomic { FREE(1) -> OWN(1) } /* step: acquire a core's shard */
#if CORES > 1
	:: atomic { FREE(2) -> OWN(2) }
#endif
#if MORE > 0
	:: atomic {
		states[s].more < MORE && len(buffer[r]) == 0 ->
		states[s].more++; /* step: push a shard of its own */
		OWN(CORES + states[s].more)
	   }
	:: atomic { states[s].more > 0 && FREE(CORES + states[s].more) -> OWN(CORES + states[s].more) }
#endif
	fi;
#ifndef BREAK_LOOK
	if
	:: atomic { IS_CLOSED -> STORE(HEAD, shard, 0); forget(); goto again } /* step: look again whether it is closed */
	:: atomic { !IS_CLOSED -> count(); goto next }
	fi;
#else
	atomic { count(); goto next };
#endif
#endif

retries:
	seen = states[s].retries; /* step: load the retries */
	if
#ifndef BREAK_RETRY
	:: atomic { seen >= CLOSED -> seen = 0; forget(); goto again } /* step: look for CLOSED */
#endif
	:: atomic {
#ifndef BREAK_RETRY
		seen < CLOSED && len(buffer[r]) == 0 ->
#else
		len(buffer[r]) == 0 ->
#endif
		if
		:: states[s].retries == seen -> /* step: count a retry */
			states[s].retries = seen + 1;
			/* What a reset has read is final. */
			assert(!states[s].final);
			seen = 0;
			retry = false;
			ends();
			goto next
		:: else -> seen = 0; goto retries
		fi
	   }
	fi;

done:	atomic { idle = idle & ~(1 << r); alive-- }
}

/* memory takes the oldest entry of any buffer. */
proctype memory() {
	mtype what;
	byte s, shard, value;

end:
	do
	:: atomic {
		if
		:: buffer[0]?what, s, shard, value
		:: buffer[1]?what, s, shard, value
		:: buffer[2]?what, s, shard, value
		fi;
		if
		:: what == COUNT ->
			/* What a reset has read is final. */
			assert(!states[s].final);
			states[s].counts[shard] = value
		:: what == HEAD -> states[s].head[shard] = value
		fi;
		what = 0;
		s = 0;
		shard = 0;
		value = 0
	   }
	od
}

inline closeRing() {
	if
	:: atomic { states[s].cores == NIL -> states[s].cores = CLOSED_CORES } /* step: close a ring that is not spread */
	:: states[s].cores != NIL -> states[s].closed = true /* step: close the cores */
	fi
}

inline closeRetries() {
	states[s].retries = states[s].retries | CLOSED /* step: close the retries */
}

/* Quiet, again and again. */
inline wait() {
	n = 1;
busy:	n = 1;
	if
	:: states[s].head[FIRST] >= BUSY -> goto busy
	:: states[s].head[FIRST] < BUSY /* step: look whether the first shard is busy */
	fi;
	do
	:: states[s].cores == SPREAD && n <= CORES + states[s].more ->
		if
		:: states[s].head[n] >= BUSY -> goto busy
		:: atomic { states[s].head[n] < BUSY -> n++ } /* step: look whether the others are */
		fi
	:: else -> break
	od;
	n = 0
}

proctype resetter(byte k) {
	byte s, n;

	/* Resetters are alike, so they take the state in this order. */
#ifdef BREAK_SWAP
	atomic { taken == k -> taken++; s = state };
	state = NIL;
#else
	atomic { taken == k -> taken++; s = state; state = NIL }; /* step: take the state */
#endif
	if
	:: s == NIL
	:: s != NIL ->
#ifndef BREAK_CLOSE
		closeRing();
#endif
#if RETRIES > 0
		closeRetries();
#endif
#ifndef BREAK_WAIT
		wait();
#endif
#ifdef BREAK_CLOSE
		closeRing();
#endif
		/* Everything is final from now on, so a read in one step makes no
		   difference. */
		d_step {
			/* No two resets return the same. */
			assert(!states[s].final);
			states[s].final = true;
			for (n : 0 .. SHARDS) {
				cleared = cleared + states[s].counts[n]; /* step: read the counts */
				states[s].counts[n] = 0
			}
			cleared = cleared + (states[s].retries & ~CLOSED); /* step: read the retries */
			states[s].retries = states[s].retries & CLOSED;
			n = 0
		}
	fi;
	atomic { s = NIL; alive-- }
}

init {
	byte n;

	atomic {
		run memory();
		for (n : 1 .. RESETTERS) {
			run resetter(n - 1)
		}
		for (n : 0 .. RECORDERS - 1) {
			run recorder(n)
		}
		n = 0
	}
	/* The sum of all resets and of the figures left equals everything recorded. */
	atomic {
		(alive == 0 && len(buffer[0]) == 0 && len(buffer[1]) == 0 && len(buffer[2]) == 0);
		for (n : 0 .. SHARDS) {
			cleared = cleared + (state == NIL -> 0 : states[state].counts[n])
		}
		cleared = cleared + (state == NIL -> 0 : states[state].retries);
		assert(cleared == RECORDS + RETRIES)
	}
}
