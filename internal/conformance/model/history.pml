/* A large window, as in internal/history, with the recorders of
   internal/ring. * RECORDERS goroutines make RECORDS records of BATCHES
   shards in all. Mergers merge, and a reader reads once at any moment and
   once more at the end. Each step here is one atomic operation there.
   README.md has the omissions. * A sample is its number in its batch, and a
   bit SAMPLE(b, n) of a set. A value never changes. So a value is its
   version, and each CAS makes a new version. * The owner's stores are plain.
   So each recorder has a store buffer, whose entries reach memory in order,
   at any later time. A locked instruction waits until the buffer is empty. A
   recorder reads its own stores, so it copies when the buffer is empty. */
#ifndef RECORDERS
#define RECORDERS 2
#endif
#ifndef RECORDS
#define RECORDS 3 /* of all recorders together */
#endif
#ifndef BATCHES
#define BATCHES 1
#endif
#ifndef HALF
#define HALF 1 /* slots */
#endif
#ifndef MERGERS
#define MERGERS 1
#endif
#ifndef HELD
#define HELD 0 /* so many publishers may stop before their CAS, for ever */
#endif

#define SIZE (2 * HALF)
#define NONE 255
#define SAMPLE(b, n) (1 << ((b) * RECORDS + (n)))
#define READER RECORDERS /* its number as a publisher */

typedef Batch {
	byte slot[SIZE]; /* the number of the sample in the batch */
	byte head;       /* samples that are complete */
	bool busy
};
Batch batch[BATCHES];

byte version; /* of the current value */
byte through[BATCHES];
int packs, generations;
byte merges;

chan buffer[RECORDERS] = [2] of { byte, byte, byte }; /* batch, slot or SIZE for the head, value */

byte issued;  /* records that have begun */
byte ended;   /* recorders */
byte held;    /* publishers that have stopped */
int returned; /* samples of records that have returned */

#ifdef BREAK_FROM
#define KEEPS (have != NONE)
#else
#define KEEPS (have == from)
#endif
#ifdef BREAK_HALF
#define ROOM (n <= through[b] + SIZE)
#else
#define ROOM (n <= through[b] + HALF)
#endif
#define DRAINED(r) ((r) == READER || len(buffer[r]) == 0)

/* publish makes the value have the samples of batch b up to end. */
inline publish(r, b, end) {
	have = NONE;
	do
	:: atomic { DRAINED(r) -> ver = version; from = through[b] }; /* step: load the value to publish */
		if
		:: from >= end -> break
		:: else
		fi;
		if
		:: KEEPS -> skip
		:: else ->
			have = from; copy = 0; i = from;
			do
			:: i < end -> copy = copy | SAMPLE(b, batch[b].slot[i % SIZE]); i++ /* step: copy a sample */
			:: else -> break
			od
		fi;
		if
		:: atomic { held < HELD -> held++ }; end_held: false
		:: skip
		fi;
		atomic { /* step: put a value with the pack in its place */
			if
#ifdef BREAK_CAS
			:: true ->
#else
			:: version == ver ->
#endif
				version++;
				i = 0;
				do
				:: i < end -> want = want | (i >= through[b] -> SAMPLE(b, i) : 0); i++
				:: else -> break
				od;
				assert(copy == want);
				assert((copy & (packs | generations)) == 0);
				packs = packs | copy;
				through[b] = end;
				break
#ifndef BREAK_CAS
			:: else
#endif
			fi
		}
	od;
	ver = 0; from = 0; have = 0; copy = 0; want = 0; i = 0
}

proctype Recorder(byte r) {
	byte ver, from, have, i, b, n;
	int copy, want;
	do
	:: atomic { issued < RECORDS -> issued++ };
again:
		atomic { /* step: acquire the shard of a batch */
			if
			:: DRAINED(r) && !batch[0].busy -> b = 0
			:: DRAINED(r) && !batch[BATCHES - 1].busy -> b = BATCHES - 1
			fi;
			batch[b].busy = true;
			n = batch[b].head
		};
#ifndef BREAK_ROOM
		if
		:: n % HALF == 0 ->
#ifdef BREAK_WAIT
			ROOM
#else
			if
			:: ROOM /* step: look for room */
			:: else ->
				batch[b].busy = false; /* step: give the shard back */
				publish(r, b, n);
				goto again
			fi
#endif
		:: else
		fi;
#endif
#ifdef BREAK_STORES
		buffer[r]!b, SIZE, n + 1;
#endif
		buffer[r]!b, n % SIZE, n; /* step: store the sample */
#ifndef BREAK_STORES
		buffer[r]!b, SIZE, n + 1; /* step: release the shard */
#endif
		if
		:: (n + 1) % HALF == 0 -> publish(r, b, n + 1)
		:: else
		fi;
		atomic { DRAINED(r) -> returned = returned | SAMPLE(b, n); n = 0; b = 0 }
	:: issued == RECORDS -> break
	od;
	ended++
}

/* Store buffers reach memory. */
proctype Memory(byte r) {
	byte b, where, what;
end:
	atomic { buffer[r]?b, where, what ->
		if
		:: where == SIZE -> batch[b].head = what; batch[b].busy = false
		:: else -> batch[b].slot[where] = what
		fi;
		b = 0; where = 0; what = 0 };
	goto end
}

proctype Merger() {
	byte ver, m;
	int p;
	atomic { p = packs; m = merges }; /* step: load the value to merge */
	do
	:: atomic { /* step: load the value that is current */
			ver = version;
#ifndef BREAK_MERGES
			if
			:: merges != m -> break
			:: else
			fi
#endif
		};
		atomic { /* step: put a value with the generations in its place */
			if
			:: version == ver ->
				version++;
				assert((generations & p) == 0);
				generations = generations | p;
#ifdef BREAK_KEEP
				packs = 0;
#else
				packs = packs & ~p;
#endif
				merges++;
				break
			:: else
			fi
		}
	od
}

/* read publishes every batch, and answers from one value. */
inline read() {
	must = returned;
#ifdef BREAK_READ
	got = packs | generations;
#endif
	b = 0;
	do
	:: b < BATCHES ->
		e = batch[b].head; /* step: load the head to read */
		publish(READER, b, e);
		b++
	:: else -> break
	od;
#ifndef BREAK_READ
	got = packs | generations; /* step: load the value to read */
#endif
	assert((must & ~got) == 0)
}

proctype Reader() {
	byte ver, from, have, i, b, e; /* as in a Recorder */
	int copy, want, must, got;
	read();
end_reader:
	ended == RECORDERS;
	read();
	assert(got == returned)
}

init {
	byte k;
	atomic {
		for (k : 0 .. RECORDERS - 1) { run Recorder(k); run Memory(k) }
#if MERGERS > 0
		for (k : 1 .. MERGERS) { run Merger() }
#endif
		run Reader()
	}
}
