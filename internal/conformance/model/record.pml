/*
 * A record beside a reader, while the ring of internal/ring is spread.
 *
 * RECORDERS goroutines make RECORDS records in all. A reader reads once at
 * any moment, and once more when all have ended. Each step here is one atomic
 * operation there. README.md has the omissions, and the place of each step.
 *
 * A record is its number, id. The word in a slot is id+1, 0 if there is none.
 * Its lap and its stamp are looked up. So no two records have the same word. A
 * head counts records. A slot is its remainder.
 *
 * The owner's stores are plain. So each recorder has a store buffer, whose
 * entries reach memory in order, at any later time. Nobody sees the entries of
 * a buffer, so a record puts all of its stores there in one step.
 */

#define RECORDERS 3
#ifndef RECORDS
#define RECORDS 4 /* of all recorders together, at most 8 */
#endif
#ifndef WINDOW
#define WINDOW 2
#endif
#ifndef CORES
#define CORES 1 /* shards of cores in a spread ring; 0: the ring is never spread */
#endif
#ifndef MORE
#define MORE 0 /* shards in cores.more, at most */
#endif
#ifndef SPREAD
#define SPREAD 0 /* whether the ring is spread from the start */
#endif
#ifndef SEQUENCE
#define SEQUENCE 0 /* whether a record begins only when the previous record is in memory */
#endif
#ifdef BREAK_SLOTS
#define SIZE WINDOW
#else
#define SIZE (WINDOW + 1) /* slots of a core's shard */
#endif

#define BUSY   128
#define FROZEN 64
#define COUNT(head) ((head) & (FROZEN - 1))

#define FIRST  0 /* the number of the first shard; further shards are 1 … SHARDS */
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
bool cores;         /* the pointer to the cores' shards is not nil */
byte clock;         /* the last reading */

mtype = { SUM, OUTCOME, STAMP, SAMPLE, HEAD };
chan buffer[RECORDERS] = [5] of { mtype, byte, byte }; /* the place, the record, the value */

byte begun;  /* records that have acquired a shard, or found the first shard owned */
byte issued; /* numbers of records */
byte idle = (1 << RECORDERS) - 1; /* recorders between two records, a bit for each */
#if MORE > 0
byte more;   /* shards in cores.more */
#endif

/* What only claims look at. */
byte shardOf[RECORDS];    /* NONE before the record has a number */
byte positionOf[RECORDS]; /* in its shard */
byte stampOf[RECORDS];    /* 0 if the record has no stamp yet */
byte owner[SHARDS + 1];   /* the recorder plus 1; 0 for none */
byte returned;            /* a bit for each record */
bool overtaken;           /* a record began or ended since the reader began, or began again */
byte seen;                /* those that have returned and whose stores have reached memory */

#define IN(id, set) (((set) >> (id)) & 1)
#define ALL         ((1 << RECORDS) - 1)

/* The order of records. Records of the first shard are ordered by position.
   Stamped records follow, by stamp. */
#define ORDER(id) (shardOf[id] == NONE -> 0 : (shardOf[id] == FIRST -> 1 + positionOf[id] : \
	(stampOf[id] == 0 -> 255 : 16 + stampOf[id])))

#define STORE(what, value) buffer[r]!what, id, value

/* A recorder loads the head before its CAS. If the head has changed since,
   the CAS fails, which is the same as a recorder that turns to another
   shard. If not, the load makes no difference. The CAS waits until the
   buffer is empty, as a locked instruction does. */
#define FREE(n) (shards[n].head < FROZEN && len(buffer[r]) == 0)
#ifdef BREAK_CAS
#define ACQUIRE(n) atomic { FREE(n) -> s = n; old = shards[s].head }; atomic { shards[s].head = old | BUSY; old = 0; own() }
#else
#define ACQUIRE(n) atomic { FREE(n) -> s = n; shards[s].head = shards[s].head | BUSY; own() }
#endif

/* own notes that the recorder, and nobody else, owns the shard now. */
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

/* If a record acquired its shard after another record returned, it has the
   later stamp. */
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

/* Recorders are alike. So of the idle recorders with empty buffers, the
   recorder with the lowest number goes on. */
#define IDLE(n)  ((n) < r && IN(n, idle) && len(buffer[n]) == 0)
#define MY_TURN  (begun < RECORDS && !IDLE(0) && !IDLE(1) && !IDLE(2) && (!SEQUENCE || seen == (1 << begun) - 1))

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
	bool late; /* a stamped record had returned when this record acquired the first shard */

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
		/* A record that acquired its shard after a stamped record returned
		   is stamped. */
		assert(!late);
		count();
#ifdef BREAK_RELEASE
		STORE(HEAD, COUNT(shards[s].head) + 1);
#endif
		STORE(SAMPLE, id + 1); /* step: store the sample */
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
	if /* on its own core, or on any core */
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
		/* A recorder that stores in a shard still owns the shard. */
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
			overtaken = true;
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

/* Copies of a core's stamps and samples, by their ordinals. */
typedef Copy { byte from, to, settled, at; byte stamp[RECORDS]; byte sample[RECORDS] };

#if CORES > 0
inline follow() {
	atomic {
		end = COUNT(shards[s].head); /* step: look for new samples */
		i = (end > WINDOW -> end - WINDOW : 0);
		copies[s].settled = copies[s].to;
		if
		:: i > copies[s].to -> copies[s].from = i
		:: else -> i = copies[s].to
		fi;
		begin = i
	}
	do
	:: atomic { i < end -> copies[s].stamp[i] = shards[s].stamp[i % SIZE] }; /* step: copy the stamp */
	   atomic { copies[s].sample[i] = shards[s].sample[i % SIZE]; i++ } /* step: copy a core's sample */
	:: atomic { i == end -> copies[s].to = end; break }
	od;
	atomic {
		n = COUNT(shards[s].head) + (shards[s].head & BUSY -> 1 : 0); /* step: look for overwritten samples */
#ifndef BREAK_FOLLOW
		if
		:: n > SIZE && n - SIZE > begin -> copies[s].from = (n - SIZE < end -> n - SIZE : end)
		:: else
		fi;
#endif
		n = 0; i = 0; end = 0; begin = 0
	}
}

inline copyCores() {
	do
	:: s <= SHARDS -> follow(); s++
	:: atomic { s > SHARDS -> s = 1; break }
	od
}

#define STAMP_OF(s) stampOf[copies[s].stamp[copies[s].at - 1] - 1]

inline merge() {
	for (s : 1 .. SHARDS) {
		copies[s].at = copies[s].to;
		do
		:: copies[s].at > copies[s].from && copies[s].at > copies[s].settled && STAMP_OF(s) > now -> copies[s].at--
		:: else -> break
		od
	}
	do
	:: samples < WINDOW ->
		best = NONE;
		for (s : 1 .. SHARDS) {
			if
			:: copies[s].at == copies[s].from -> failed = failed || copies[s].from > 0
			:: else ->
				if
				:: best == NONE -> best = s
				:: best != NONE ->
					if
					:: STAMP_OF(s) > STAMP_OF(best) -> best = s
					:: else
					fi
				fi
			fi
		}
		if
		:: failed || best == NONE -> break
		:: else ->
			copies[best].at--;
			j = copies[best].sample[copies[best].at];
			/* A sample is taken with its own stamp, and once. */
			assert(j == copies[best].stamp[copies[best].at] && !IN(j - 1, window));
			window = window | (1 << (j - 1));
			samples++
		fi
	:: else -> break
	od;
	s = 1; best = 0; j = 0
}
#endif

inline copyFirst() {
	atomic { begin = COUNT(shards[FIRST].head); n = (begin < WINDOW -> begin : WINDOW) } /* step: look for the slots */
	do
	:: atomic { i < n -> words[i] = slots[i]; i++ } /* step: copy a word */
	:: atomic { i == n -> break }
	od;
	atomic {
		end = COUNT(shards[FIRST].head); /* step: look which slots were written */
		if
		:: !sharded -> moment = seen
		:: else
		fi;
		failed = end - begin > WINDOW;
		i = begin
	}
	do
#ifndef BREAK_SECOND
	:: atomic { i < end && !failed -> words[i % WINDOW] = slots[i % WINDOW]; i++ } /* step: copy a word again */
#endif
	:: atomic { else -> break }
	od;
	atomic {
#ifndef BREAK_LAST
		/* step: look whether a window overtook the copy */
		failed = failed || COUNT(shards[FIRST].head) + (shards[FIRST].head & BUSY -> 1 : 0) > begin + WINDOW;
#endif
		i = 0; n = 0;
		if
		:: !failed && end >= WINDOW && positionOf[words[end % WINDOW] - 1] == end -> end++ /* of the record under way */
		:: else
		fi
	}
}

/* The first shard's newest, as many as the window has room for. */
inline addFirst() {
	do
	:: samples < WINDOW && i < end && i < WINDOW ->
		i++;
		j = words[(end - i) % WINDOW];
		/* The words are of consecutive records. */
		assert(j != 0 && positionOf[j - 1] == end - i);
		window = window | (1 << (j - 1));
		samples++
	:: else -> break
	od
}

inline checkWindow() {
	least = 255; most = 0; best = 0;
	for (j : 0 .. RECORDS - 1) {
		if
		:: IN(j, window) ->
			least = (ORDER(j) < least -> ORDER(j) : least);
			most = (ORDER(j) > most -> ORDER(j) : most);
			best = j
		:: else
		fi
	}
	/* The window is the window of the moment. It has every record in memory
	   then that is newer than its oldest. */
	for (j : 0 .. RECORDS - 1) {
		assert(!IN(j, moment) || IN(j, window) || (samples == WINDOW && ORDER(j) < least))
	}
	assert((before & ~moment) == 0);
#if SEQUENCE
	/* It is consecutive records, the newest at some moment. */
	assert(window == 0 || window == (1 << (best + 1)) - (1 << (best + 1 - samples)));
	assert(samples == (best + 1 < WINDOW && window != 0 -> best + 1 : (window != 0 -> WINDOW : 0)))
#endif
	/* With nothing under way the window is full, so it has the newest records. */
	assert(!quiet || samples == WINDOW);
	n = 0; /* records in memory before the read */
	for (j : 0 .. RECORDS - 1) {
		n = n + IN(j, before)
	}
	samples = (n > samples -> n : samples) /* so many executions there must be */
}

inline copyWindow() {
	s = 1;
	do
	:: sharded = cores; /* step: look whether it is sharded */
		if
		:: !sharded ->
			copyFirst();
			if
			:: !failed && !cores -> break
			:: else -> atomic { assert(overtaken || cores); overtaken = false; failed = false; end = 0; begin = 0 }
			fi
#if CORES > 0
		:: sharded ->
			copyCores();
			do
			::
#ifndef BREAK_TIME
				atomic { now = clock; moment = seen }; /* step: read the time */
				copyCores();
#else
				copyCores();
				atomic { now = clock; moment = seen };
#endif
				atomic { merge() };
				if
				:: !failed && samples < WINDOW -> copyFirst()
				:: else
				fi;
				if
				:: !failed -> break
				:: atomic { failed -> assert(overtaken); overtaken = false; failed = false; samples = 0; window = 0; end = 0; begin = 0 } /* step: copy once more */
				fi
			od;
			break
#endif
		fi
	od;
	atomic {
		addFirst();
		checkWindow();
		before = 0; window = 0; moment = 0; begin = 0; end = 0; now = 0; sharded = false;
		best = 0; i = 0; j = 0; n = 0; least = 0; most = 0;
		for (i : 0 .. WINDOW - 1) { words[i] = 0 }
#if CORES > 0
		for (s : 1 .. SHARDS) {
			copies[s].from = 0; copies[s].to = 0; copies[s].settled = 0; copies[s].at = 0;
			for (i : 0 .. RECORDS - 1) { copies[s].stamp[i] = 0; copies[s].sample[i] = 0 }
		}
#endif
		i = 0; s = 0
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
		/* A read never has more samples than executions, nor fewer
		   executions than an earlier read. The sum has all counted
		   executions. */
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
	byte window, moment; /* records, a bit for each; moment has the records in memory at the window's moment */
	byte samples, executions, total;
	byte begin, end, now, words[WINDOW];
	byte i, j, n, s, best, least, most;
	bool sharded, failed;
	Copy copies[SHARDS + 1];

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
