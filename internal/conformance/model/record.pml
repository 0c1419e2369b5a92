/*
 * A record beside a reader, while the ring is spread: internal/ring.
 *
 * RECORDERS goroutines make RECORDS records in all; a reader reads once at any moment, and once more when all have
 * ended. One step here is one atomic operation there. README.md says what is left out, and where each step is.
 *
 * A record is its number, id. The word in a slot is id+1, 0 where there is none: what else the word says (its lap, its
 * stamp) is looked up. So no two records have the same word. A head counts records; a slot is its remainder.
 *
 * The owner's stores are plain: each recorder has a store buffer, whose entries reach memory in order, at any later
 * time. As nobody sees what is in a buffer, a record puts all of its stores there in one step.
 */

#define RECORDERS 3
#ifndef RECORDS
#define RECORDS 4 /* of all recorders together, at most 8 */
#endif
#ifndef WINDOW
#define WINDOW 2
#endif
#ifndef CORES
#define CORES 1 /* shards of a spread ring that are some core's; 0: it is never spread */
#endif
#ifndef MORE
#define MORE 0 /* shards in cores.more, at most */
#endif
#ifndef SPREAD
#define SPREAD 0 /* whether the ring is spread from the start */
#endif
#ifndef TAGS
#define TAGS 64 /* laps that the tags of words tell apart */
#endif
#ifdef BREAK_SLOTS
#define SIZE WINDOW
#else
#define SIZE (WINDOW + 1) /* slots of a core's shard */
#endif

#define BUSY   128
#define FROZEN 64
#define COUNT(head) ((head) & (FROZEN - 1))

#define FIRST  0 /* the number of the first shard; the others are 1 … SHARDS */
#define SHARDS (CORES + MORE)
#define NONE   255

typedef Shard {
	byte head;
	byte sum;
	byte outcomes;
#if CORES > 0
	byte stamp[SIZE];
	byte sample[SIZE]
#endif
};

Shard shards[SHARDS + 1];
byte slots[WINDOW]; /* of the first shard */
bool cores;         /* the pointer to the others is not nil */
byte clock;         /* what it said last */

mtype = { SUM, OUTCOME, STAMP, SAMPLE, HEAD };
chan buffer[RECORDERS] = [5] of { mtype, byte, byte }; /* what is stored, by which record, the value */

byte begun;  /* records that have acquired a shard, or found the first one not to be had */
byte issued; /* numbers of records */
byte idle = (1 << RECORDERS) - 1; /* recorders between two records: a bit for each */
#if MORE > 0
byte more;   /* shards in cores.more */
#endif

/* What only claims look at. */
byte shardOf[RECORDS];    /* NONE before it has a number */
byte positionOf[RECORDS]; /* in its shard */
byte stampOf[RECORDS];    /* 0 if it has none yet */
byte owner[SHARDS + 1];   /* the recorder plus 1; 0 for none */
byte returned;            /* a bit for each record */
byte seen;                /* those that have returned and whose stores have reached memory */
bool overtaken;           /* a shard was acquired since the read began */

#define IN(id, set) (((set) >> (id)) & 1)
#define ALL         ((1 << RECORDS) - 1)

/* The order of records: those of the first shard by position; behind them the others by stamp. */
#define ORDER(id) (shardOf[id] == NONE -> 0 : (shardOf[id] == FIRST -> 1 + positionOf[id] : \
	(stampOf[id] == 0 -> 255 : 16 + stampOf[id])))

#define STORE(what, value) buffer[r]!what, id, value

/* That the head is loaded first makes no difference when it is what it was. When it is not, the CAS fails: a recorder
   may turn to another shard at any time. The CAS waits until the buffer is empty, as a locked instruction does. */
#define FREE(n) (shards[n].head < FROZEN && len(buffer[r]) == 0)
#ifdef BREAK_CAS
#define ACQUIRE(n) atomic { FREE(n) -> s = n; old = shards[s].head }; atomic { shards[s].head = old | BUSY; old = 0; own() }
#else
#define ACQUIRE(n) atomic { FREE(n) -> s = n; shards[s].head = shards[s].head | BUSY; own() }
#endif

/* own notes that the recorder owns the shard now: nobody else does. */
inline own() {
	assert(owner[s] == 0);
	owner[s] = r + 1;
	overtaken = true;
	if
	:: s == FIRST ->
		for (i : 0 .. RECORDS - 1) {
			late = late || (IN(i, returned) && shardOf[i] != FIRST)
		}
		i = 0
#ifdef BREAK_CLOCK
	:: s != FIRST -> newest()
#else
	:: s != FIRST
#endif
	fi
}

/* Of two records the one that acquired its shard after the other had returned has the later stamp. */
inline newest() {
	for (i : 0 .. RECORDS - 1) {
		assert(!IN(i, returned) || stampOf[i] < now)
	}
	i = 0
}

inline readClock() {
	clock++;
	now = clock
}

/* A record gets its number when its place in the order is known. */
inline number() {
	id = issued;
	issued++;
	shardOf[id] = s;
	positionOf[id] = COUNT(shards[s].head)
}

inline count() {
#ifdef BREAK_SUM
	STORE(OUTCOME, shards[s].outcomes + 1);
	STORE(SUM, shards[s].sum + 1)
#else
	STORE(SUM, shards[s].sum + 1);         /* step: sum */
	STORE(OUTCOME, shards[s].outcomes + 1) /* step: outcome */
#endif
}

/* Recorders are all alike: of those that are idle, with nothing in their buffers, the one with the lowest number goes on. */
#define IDLE(n)  ((n) < r && IN(n, idle) && len(buffer[n]) == 0)
#define MY_TURN  (begun < RECORDS && !IDLE(0) && !IDLE(1) && !IDLE(2))

inline begins() {
	begun++;
	idle = idle & ~(1 << r)
}

inline returns() {
	returned = returned | (1 << id);
	idle = idle | (1 << r);
	id = 0;
	s = 0
}

proctype recorder(byte r) {
	byte id, s, i, old, now;
	bool late; /* a stamped record had returned when this one acquired the first shard */

next:
	if
	:: begun == RECORDS -> goto done
#if SPREAD
	:: atomic { MY_TURN -> begins(); goto elsewhere }
#else
#ifdef BREAK_LOOK
	:: atomic { MY_TURN && !cores -> begins() };
	   ACQUIRE(FIRST)
#elif defined(BREAK_CAS)
	:: atomic { MY_TURN && FREE(FIRST) -> begins(); old = shards[FIRST].head };
	   atomic { shards[FIRST].head = old | BUSY; old = 0; own() }
#else
	:: atomic { MY_TURN && FREE(FIRST) -> begins(); shards[FIRST].head = shards[FIRST].head | BUSY; own() } /* step: acquire the first shard */
#endif
	:: atomic { MY_TURN && cores -> begins(); goto elsewhere } /* step: leave a first shard that is not to be had */
#endif
	fi;
#if !SPREAD
	if
#ifndef BREAK_LOOK
	:: atomic {
		cores -> /* step: look where records go */
		STORE(HEAD, COUNT(shards[s].head) | FROZEN); /* step: freeze the first shard */
		late = false;
		goto elsewhere
	   }
	:: atomic {
		!cores ->
#else
	:: atomic {
		true ->
#endif
		number();
		/* A record that acquired its shard after a stamped one had returned is stamped. */
		assert(!late);
#ifdef BREAK_SAMPLE
		STORE(SAMPLE, id + 1);
		count();
#else
		count();
#ifdef BREAK_RELEASE
		STORE(HEAD, COUNT(shards[s].head) + 1);
#endif
		STORE(SAMPLE, id + 1); /* step: store the sample */
#endif
#ifndef BREAK_RELEASE
		STORE(HEAD, COUNT(shards[s].head) + 1); /* step: release the first shard */
#endif
		returns();
		goto next
	   }
	fi;
#endif
elsewhere:
#if CORES > 0
#ifdef BREAK_CLOCK
	atomic { readClock() };
#endif
	if /* on the core that it runs on, or any other */
	:: ACQUIRE(1) /* step: acquire a core's shard */
#if CORES > 1
	:: ACQUIRE(2)
#endif
#if MORE > 0
	:: atomic {
		more < MORE && len(buffer[r]) == 0 ->
		more++; /* step: push a shard of its own */
		s = CORES + more;
		shards[s].head = BUSY;
		own()
	   }
	:: atomic {
		more > 0 && FREE(CORES + more) -> /* step: acquire any other */
		s = CORES + more;
		shards[s].head = shards[s].head | BUSY;
		own()
	   }
#endif
	fi;
	atomic {
#ifndef BREAK_CLOCK
		readClock(); /* step: clock */
		newest();
#endif
		number();
		stampOf[id] = now;
		now = 0;
		count();
		STORE(STAMP, id + 1);  /* step: store the stamp */
		STORE(SAMPLE, id + 1); /* step: store a core's sample */
		STORE(HEAD, COUNT(shards[s].head) + 1); /* step: release a core's shard */
		returns();
		goto next
	}
#endif
done:	skip
}

#define SLOT(id, size) (positionOf[id] % (size))

/* memory takes the oldest entry of any buffer. */
proctype memory() {
	mtype what;
	byte id, value, s, r;

end:
	do
	:: atomic {
		if
		:: buffer[0]?what, id, value -> r = 0
		:: buffer[1]?what, id, value -> r = 1
		:: buffer[2]?what, id, value -> r = 2
		fi;
		s = (value >= FROZEN -> FIRST : shardOf[id]);
		/* Whoever stores in a shard still owns it. */
		assert(owner[s] == r + 1);
		if
		:: what == SUM -> shards[s].sum = value
		:: what == OUTCOME -> shards[s].outcomes = value
		:: what == SAMPLE && s == FIRST -> slots[SLOT(id, WINDOW)] = value
#if CORES > 0
		:: what == SAMPLE && s != FIRST -> shards[s].sample[SLOT(id, SIZE)] = value
		:: what == STAMP -> shards[s].stamp[SLOT(id, SIZE)] = value
#endif
		:: what == HEAD ->
			shards[s].head = value;
			owner[s] = 0;
			if
			:: value < FROZEN -> seen = seen | (1 << id)
			:: else
			fi
		fi;
		what = 0;
		id = 0;
		value = 0;
		s = 0;
		r = 0
	   }
	od
}

#if CORES > 0 && !SPREAD
/* Somebody calls Spread, at any moment. */
proctype spread() {
	cores = true /* step: spread */
}
#endif

#if CORES > 0
#define TAG(word) (positionOf[(word) - 1] / SIZE % TAGS)

inline copyCores() {
	s = 1;
	do
	:: s <= SHARDS ->
		atomic {
			kept = copied; /* of the shards before */
			under = COUNT(shards[s].head) % SIZE;
			n = (COUNT(shards[s].head) < SIZE -> COUNT(shards[s].head) : SIZE); /* step: look for a core's slots */
			i = 0
		}
		do
		:: i < n ->
			stamped = shards[s].stamp[i]; /* step: copy the stamp */
#if TAGS < 64
			word = shards[s].sample[i]; /* step: copy a core's sample */
			atomic {
#else
			atomic { /* tags that do not repeat make the second look at the stamp needless */
				word = shards[s].sample[i];
#endif
				if
#ifdef BREAK_AGAIN
				:: word != 0 && stamped != 0 && TAG(stamped) == TAG(word) ->
#else
				:: word != 0 && stamped != 0 && TAG(stamped) == TAG(word) && shards[s].stamp[i] == stamped -> /* step: look at the stamp again */
#endif
					/* A sample is only taken with its own stamp. */
					assert(stamped == word);
					copied = copied | (1 << (word - 1))
#ifdef BREAK_SKIP
				:: else
#else
				:: else -> skipped = skipped || i != under /* step: leave a sample out */
#endif
				fi;
				word = 0;
				stamped = 0;
				i++
			}
		:: else -> break
		od;
		atomic {
			if
			:: skipped -> copied = kept /* step: copy a core's samples again */
			:: else -> s++
			fi;
			skipped = false;
			kept = 0;
			under = 0;
			i = 0;
			n = 0
		}
	:: else -> s = 0; break
	od
}
#endif

inline copyFirst() {
	atomic {
		first = COUNT(shards[FIRST].head); /* step: look for the slots */
		n = (first + 1 < WINDOW -> first + 1 : WINDOW);
		i = 0
	}
	do
	:: i < n -> atomic {
		if
		:: slots[i] != 0 -> copied = copied | (1 << (slots[i] - 1)) /* step: copy a word */
		:: else
		fi;
		i++
	   }
	:: else -> break
	od;
	i = 0
}

/* How far a sample of the first shard is behind the head that its copy began with, in slots. */
#define AT        (first % WINDOW)
#define BEHIND(j) (SLOT(j, WINDOW) < AT -> AT - SLOT(j, WINDOW) : AT + WINDOW - SLOT(j, WINDOW))

inline makeWindow() {
	window = 0;
	samples = 0;
	do
	:: samples < WINDOW ->
		best = NONE;
		for (j : 0 .. RECORDS - 1) {
			if
			:: IN(j, copied & ~window) && shardOf[j] != FIRST ->
				if
				:: best == NONE -> best = j
				:: best != NONE ->
					if
					:: stampOf[j] > stampOf[best] -> best = j
					:: else
					fi
				fi
			:: else
			fi
		}
		if
		:: best == NONE -> break
		:: else -> window = window | (1 << best); samples++
		fi
	:: else -> break
	od;
	n = WINDOW - samples;
	for (j : 0 .. RECORDS - 1) {
		if
		:: IN(j, copied) && shardOf[j] == FIRST && BEHIND(j) <= n -> window = window | (1 << j); samples++
		:: else
		fi
	}
}

inline checkWindow() {
	/* The newest is not older than any record seen before the read. */
	n = 0;
	for (j : 0 .. RECORDS - 1) {
		if
		:: IN(j, window) && ORDER(j) > n -> n = ORDER(j)
		:: else
		fi
	}
	for (j : 0 .. RECORDS - 1) {
		assert(!IN(j, before) || ORDER(j) <= n)
	}
	best = 0; /* records seen before the read */
	for (i : 0 .. RECORDS - 1) {
		best = best + IN(i, before);
		if
		:: IN(i, before) && !IN(i, window) ->
			/* What was seen before the read is in its window, unless a window of newer ones had begun. */
			n = 0;
			for (j : 0 .. RECORDS - 1) {
				if
				:: ORDER(j) > ORDER(i) -> n++
				:: else
				fi
			}
			assert(n >= WINDOW)
		:: else
		fi
	}
	assert(samples <= WINDOW);
	/* When nothing was acquired meanwhile the window is as full as it can be, whatever was under way. */
	assert(overtaken || samples >= (best < WINDOW -> best : WINDOW));
	/* With nothing under way it is full: so of the newest. */
	assert(!quiet || samples == WINDOW);
	samples = (best > samples -> best : samples) /* so many executions there must be */
}

inline copyWindow() {
#if CORES > 0
	if
	:: cores -> copyCores() /* step: look whether it is sharded */
	:: !cores
	fi;
#endif
	copyFirst();
	d_step {
		makeWindow();
		checkWindow();
		before = 0;
		copied = 0;
		window = 0;
		best = 0;
		first = 0;
		i = 0;
		j = 0;
		n = 0
	}
}

inline readCounts() {
	do
	:: s <= SHARDS -> atomic {
		executions = executions + shards[s].outcomes; /* step: load the outcomes */
		s++
	   }
	:: else -> s = 0; break
	od;
	do
	:: s <= SHARDS -> atomic {
		total = total + shards[s].sum; /* step: load the sums */
		s++
	   }
	:: else -> break
	od;
	s = 0
}

inline checkCounts() {
	d_step {
		/* A read never has more samples than executions, nor fewer executions than were seen before it, and the sum has
		   all executions that it counted. */
		assert(samples <= executions);
		assert(executions <= total);
		/* What is counted has begun. */
		assert(total <= issued);
		/* With nothing under way no record is lost, and none counted twice. */
		assert(!quiet || (executions == RECORDS && total == RECORDS));
		executions = 0;
		total = 0;
		samples = 0
	}
}

proctype reader() {
	byte before; /* records that were seen before the read */
	bool quiet;  /* no record is under way, nor will be */
	byte copied, window; /* records: a bit for each */
	byte samples, executions, total;
	byte first, i, j, n, s, word, stamped, best;
#if CORES > 0
	byte kept, under;
	bool skipped; /* a sample that is not the oldest of its shard */
#endif

again:
	atomic {
		before = seen;
		overtaken = false
	}
#ifdef BREAK_READ
	readCounts();
	copyWindow();
#else
	copyWindow();
	readCounts();
#endif
	checkCounts();
	if
	:: !quiet -> atomic {
		seen == ALL;
		quiet = true;
		goto again
	   }
	:: else
	fi
}

init {
	atomic {
		byte k;
		for (k : 0 .. RECORDS - 1) {
			shardOf[k] = NONE
		}
#if SPREAD
		cores = true;
		shards[FIRST].head = FROZEN;
#endif
#if CORES > 0 && !SPREAD
		run spread();
#endif
		run memory();
		run reader();
		for (k : 0 .. RECORDERS - 1) {
			run recorder(k)
		}
		k = 0
	}
}
