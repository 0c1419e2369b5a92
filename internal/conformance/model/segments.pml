/*
 * Slots of segments that are used again, beside who folds and who reads: internal/ring, for t-digests.
 *
 * LANES lanes have a full segment each. The owners of their shards make RECORDS records in all; a folder folds whenever
 * there is something to fold; a reader reads once, at any moment. With NEWEST it is another and smaller model: records
 * into one segment, and a reader of its newest sample and that one's stamp. One step here is one atomic operation there.
 * README.md says what is left out, and where each step is.
 *
 * The word in a slot is its sample's number, from 1; 0 where there is none. What somebody has copied, a pack and what
 * has been folded are sets of samples: a bit for each. A segment is its number in its lane, seq; the one before it has
 * the number before. Slots of a whole segment have a number too.
 *
 * An owner's stores of a sample are plain: they reach memory in order, at any later time. Everything else that is stored
 * is stored by a locked instruction, which waits until they have.
 */

#ifndef NEWEST
#define NEWEST 0
#endif

#if !NEWEST

#define SIZE 2 /* slots of a segment */
#ifndef LANES
#define LANES 1
#endif
#ifndef RECORDS
#define RECORDS 3 /* of all lanes together */
#endif
#ifndef AHEAD
#define AHEAD 1 /* whether owners may get ahead of the folder */
#endif
#ifndef HELD
#define HELD 0 /* whether the folder and the reader are held up, at any moment, until nothing else goes on */
#endif

#define SAMPLES  (SIZE + RECORDS)              /* of a lane, at most: LANES times as many bits are at most 15 */
#define SEGMENTS ((SAMPLES + SIZE - 1) / SIZE) /* of a lane, at most */
#define SLOTS    (RECORDS + LANES)             /* of whole segments, at most */
#define NONE     SLOTS

typedef Segment {
	byte slots;
	byte filled;
	short packed; /* 0 while there is no pack */
	bool emptied;
	bool cut /* prev is nil */
};

typedef Lane {
	byte current;
	bool ahead; /* the pointer is not nil */
	Segment segments[SEGMENTS + 1]; /* by number, from 1 */
	byte records; /* with the one whose stores are not in memory yet */
	byte pending /* stores that are not in memory yet: of the sample, and of filled */
};

typedef Slots {
	byte word[SIZE]
};

Lane lanes[LANES];
Slots slots[SLOTS];
short spares; /* a bit for the slots of each segment */

byte folded; /* the pointer: what it points to never changes */
/* What it points to. */
byte through[LANES];
short generations;

byte begun; /* records */
byte made;  /* slots of segments */

/* What only claims look at. */
byte user[SLOTS]; /* the segment that has the slots in use; 0 for none */
#if HELD
bool held;
byte alive = LANES; /* owners that have not made all of their records */
#endif

#define SEGMENT(l, seq) lanes[l].segments[seq]
#define SLOT(l, seq, i) slots[SEGMENT(l, seq).slots].word[i]

/* Sets of samples. */
#define BIT(word)      ((word) == 0 -> 0 : 1 << ((word) - 1))
#define LANE(l)        ((l) * SAMPLES) /* the first bit of a lane */
#define FIRST(l, n)    (((1 << (n)) - 1) << LANE(l)) /* the first n of a lane */
#define FULL(l, seq)   (FIRST(l, (seq) * SIZE) & ~FIRST(l, ((seq) - 1) * SIZE))
#define STORED(l)      FIRST(l, (lanes[l].current - 1) * SIZE + SEGMENT(l, lanes[l].current).filled)
#define OF_LANE(l, set) (((set) >> LANE(l)) & FIRST(0, SAMPLES))

#define FENCED (lanes[l].pending == 0)

/* Slots are in use in one segment at a time, from when it is made until they are claimed. */
#define USER(l, seq) ((l) * SEGMENTS + (seq))
#define USE(l, seq, which) assert(user[which] == 0); user[which] = USER(l, seq); SEGMENT(l, seq).slots = which

/* empty, of segment: NONE in the place of nil. */
inline claim(l, seq, which) {
	if
#ifndef BREAK_CLAIM
	:: SEGMENT(l, seq).emptied -> which = NONE
#endif
	:: else ->
		SEGMENT(l, seq).emptied = true; /* step: claim the slots */
		which = SEGMENT(l, seq).slots;
		if
		:: user[which] == USER(l, seq) -> user[which] = 0
		:: else
		fi
	fi
}

/* A pack has the samples of its segment. */
#define PACK(l, seq, keys) SEGMENT(l, seq).packed = keys; assert(keys == FULL(l, seq))

/* Nothing is being packed. */
#define NOTHING packs = 0; next = 0; keys = 0

/* step of ahead: it copies a slot, or ends. */
inline step() {
	if
	:: atomic { next < SIZE -> keys = keys | BIT(SLOT(l, packs, next)); next++ } /* step: copy a slot to pack it */
	:: atomic { next == SIZE && FENCED -> claim(l, packs, which) };
	   if
	   :: atomic { which == NONE -> NOTHING }
#ifdef BREAK_PACKED
	   :: atomic { which != NONE -> emptied = which; which = NONE; late = packs; NOTHING }
#else
	   :: atomic {
		which != NONE ->
		PACK(l, packs, keys); /* step: store the pack */
		emptied = which;
		which = NONE;
		NOTHING
	   }
#endif
	   fi
	fi
}

/* put stores a sample. It does so at once: as nobody sees what is not in memory yet, it makes no difference. */
#define PUT lanes[l].records++; lanes[l].pending = 2

/* extend, of a lane whose newest segment is full. */
inline extend() {
#if AHEAD
	atomic {
		a = lanes[l].ahead; /* step: look whether the lane is ahead */
		if
		:: !a -> emptied = NONE; NOTHING
		:: else
		fi
	};
	do
	:: packs != 0 -> step()
	:: packs == 0 -> break
	od;
	if /* the backlog is large, or is not */
	:: a
	:: atomic { !a -> a = true; lanes[l].ahead = true } /* step: be ahead */
	:: atomic { a -> a = false; lanes[l].ahead = false; emptied = NONE } /* step: be ahead no longer */
	:: !a
	fi;
#endif
	atomic {
#ifdef BREAK_NEW
		a || spares != 0;
#endif
		if
		:: a -> which = emptied; emptied = NONE
		:: !a && spares == 0
		:: !a && spares != 0 ->
			which = 0;
			do /* any of them */
			:: (spares >> which) & 1 -> break
			:: spares >> (which + 1) != 0 -> which++
			od;
			spares = spares & ~(1 << which) /* step: take spare slots */
		fi;
		if
		:: which == NONE -> which = made; made++
		:: else
		fi;
		USE(l, lanes[l].current + 1, which)
	};
	atomic {
		which = NONE;
		lanes[l].current++; /* step: put the next segment behind */
		if
		:: a -> packs = lanes[l].current - 1; a = false
		:: else
		fi;
		PUT
	}
}

/* owner is whoever owns the shard of a lane: one recorder after the other. */
proctype owner(byte l) {
	byte which = NONE; /* slots */
	bool a;
	/* What ahead points to. */
	byte packs, next, emptied = NONE;
	short keys;
#ifdef BREAK_PACKED
	byte late;
#endif

more:
	if
	:: atomic { begun == RECORDS && FENCED -> goto done }
	:: atomic {
		begun < RECORDS && FENCED -> /* the CAS of the record is locked */
		begun++;
		if
		:: SEGMENT(l, lanes[l].current).filled < SIZE -> PUT; goto put
		:: else
		fi
	   }
	fi;
	extend();
put:
#ifdef BREAK_PACKED
	if
	:: atomic { late != 0 && FENCED -> PACK(l, late, FULL(l, late)); late = 0 }
	:: late == 0
	fi;
#endif
#if AHEAD
	if
	:: atomic { !lanes[l].ahead -> emptied = NONE; NOTHING; goto more }
	:: atomic { lanes[l].ahead && packs == 0 -> goto more }
	:: atomic { lanes[l].ahead && packs != 0 -> skip } /* step: look for something to pack */
	fi;
	step();
	if /* a segment takes as many records as steps, or fewer */
	:: next == SIZE -> step()
	:: goto more
	fi;
#endif
	goto more;
done:
#if HELD
	alive--
#else
	skip
#endif
}

/* memory takes the oldest store of any owner. */
proctype memory() {
	byte l;

end:
	do
	:: atomic {
		if
		:: lanes[0].pending != 0 -> l = 0
#if LANES > 1
		:: lanes[1].pending != 0 -> l = 1
#endif
		fi;
		if
#ifdef BREAK_STORES
		:: lanes[l].pending == 1 ->
#else
		:: lanes[l].pending == 2 ->
#endif
			SLOT(l, lanes[l].current, (lanes[l].records - 1) % SIZE) = LANE(l) + lanes[l].records /* step: store the sample */
		:: else -> SEGMENT(l, lanes[l].current).filled++ /* step: store how many are filled */
		fi;
		lanes[l].pending--;
		l = 0
	   }
	od
}

#if HELD
#define UNLESS_HELD provided (!held)
#else
#define UNLESS_HELD
#endif

/* Each sample is folded once. */
#define ADD(keys) assert(((keys) & (generations | added)) == 0); added = added | (keys)

/* rest goes to the next lane that has segments taken, if seq is behind those of this one; behind the last l is LANES. */
inline rest() {
	do
	:: l < LANES && seq > upTo[l] ->
		l++;
		if
		:: l < LANES -> seq = from[l] + 1
		:: else -> seq = 0
		fi
	:: else -> break
	od
}

#define REWIND l = 0; seq = from[0] + 1; rest()

/* giveAway gives away the slots of what has been taken. */
inline giveAway() {
	atomic { REWIND };
	do
	:: atomic {
		l < LANES ->
		claim(l, seq, which);
		if
		:: which != NONE -> spares = spares | (1 << which); which = NONE /* step: push the slots */
		:: else
		fi;
		seq++;
		rest()
	   }
	:: atomic { l == LANES -> l = 0; break }
	od
}

/* forget forgets what is not looked at again. */
inline forget() {
	for (i : 0 .. LANES - 1) {
		from[i] = 0;
		upTo[i] = 0
	}
	i = 0
}

#define DUE_IN(l) (lanes[l].current - 1 > through[l])
#if LANES > 1
#define DUE (DUE_IN(0) || DUE_IN(1))
#else
#define DUE DUE_IN(0)
#endif

/* folder is foldAll, again and again. */
proctype folder() UNLESS_HELD {
	byte from[LANES], upTo[LANES]; /* what had been folded, and what will have been */
	byte l, seq, to, i, which = NONE;
	short keys, added;

end:
	do
	:: DUE ->
	   do
	   :: atomic {
		from[l] = through[l];
		upTo[l] = lanes[l].current - 1; /* step: take a lane */
		l++;
		if
		:: l == LANES -> REWIND; break
		:: else
		fi
	   }
	   od;

addAll:
	   do
	   :: atomic { l == LANES -> l = 0; break }
	   :: atomic {
		l < LANES && SEGMENT(l, seq).packed != 0 -> /* step: look for a pack */
		ADD(SEGMENT(l, seq).packed);
		seq++;
		rest()
	   }
	   :: atomic { l < LANES && SEGMENT(l, seq).packed == 0 -> to = seq };
		do
		:: atomic { to < upTo[l] && SEGMENT(l, to + 1).packed == 0 -> to++ } /* step: take another one that is not packed */
		:: atomic { to == upTo[l] || SEGMENT(l, to + 1).packed != 0 -> break }
		od;
		do
		:: atomic {
			keys = keys | BIT(SLOT(l, seq + i / SIZE, i % SIZE)); /* step: copy a slot to fold it */
			i++;
			if
			:: i == (to + 1 - seq) * SIZE -> i = seq; break
			:: else
			fi
		   }
		od;
		do
		:: atomic {
			if
#ifndef BREAK_RAW
			:: SEGMENT(l, i).packed != 0 -> to = 0; i = 0; keys = 0; goto addAll /* step: look whether they are packed now */
#endif
			:: else -> i++
			fi;
			if
			:: i > to ->
				ADD(keys);
				seq = to + 1;
				to = 0;
				i = 0;
				keys = 0;
				rest();
				break
			:: else
			fi
		   }
		od
	   od;

#ifdef BREAK_PUBLISH
	   giveAway();
#endif
	   atomic {
		folded++; /* step: publish what is folded */
		generations = generations | added;
		added = 0;
		do
		:: l < LANES ->
			through[l] = upTo[l];
			/* What is folded is all samples up to there. */
			assert(OF_LANE(l, generations) == FIRST(0, upTo[l] * SIZE));
			l++
		:: else -> l = 0; break
		od
	   };
	   do
	   :: atomic {
		if
		:: upTo[l] > from[l] -> SEGMENT(l, upTo[l] + 1).cut = true /* step: cut the chain */
		:: else
		fi;
		l++;
		if
		:: l == LANES -> l = 0; break
		:: else
		fi
	   }
	   od;
#ifndef BREAK_PUBLISH
	   giveAway();
#endif
#if AHEAD
	   do
	   :: atomic { l == 0 -> forget(); break } /* the backlog is large still */
	   :: atomic {
		lanes[l].ahead = false; /* step: let nobody be ahead */
		l++;
		if
		:: l == LANES -> l = 0; forget(); break
		:: else
		fi
	   }
	   od
#else
	   atomic { forget() }
#endif
	od
}

/* Of what a read has, each sample is there once. */
#define VIEW(set) twice = twice || (view & (set)) != 0; view = view | (set)

/* goOn goes to the lane's next older segment, if it is not folded, or to the next lane. */
inline goOn() {
	seq--;
	if
	:: seq == from[l] ->
		newest[l] = 0;
		l++;
		if
		:: l < LANES -> seq = newest[l]
		:: else -> seq = 0
		fi
	:: else
	fi
}

proctype reader() UNLESS_HELD {
	byte f, from[LANES], newest[LANES], l, seq, i, n;
	short before, view, copied;
	bool twice;

again:
	atomic {
		f = folded; /* step: load what has been folded */
		do
		:: l < LANES -> from[l] = through[l]; newest[l] = 0; l++
		:: else -> l = 0; break
		od;
		view = generations;
		before = 0;
		twice = false
	};

	/* unfolded */
	do
	:: atomic {
		if
		:: seq == 0 ->
			newest[l] = lanes[l].current; /* step: look for the newest segment */
			before = before | STORED(l);
			seq = newest[l]
		:: seq != 0 && SEGMENT(l, seq).cut -> l = 0; seq = 0; goto again
		:: seq != 0 && !SEGMENT(l, seq).cut -> seq-- /* step: look for the one before it */
		fi;
		if
		:: seq == from[l] + 1 ->
			seq = 0;
			l++;
			if
			:: l == LANES -> l = 0; seq = newest[0]; break
			:: else
			fi
		:: else
		fi
	   }
	od;

	do
	:: atomic {
		l < LANES && SEGMENT(l, seq).packed != 0 -> /* step: look for a pack to read */
		VIEW(SEGMENT(l, seq).packed);
		goOn()
	   }
	:: l < LANES && SEGMENT(l, seq).packed == 0 ->
	   n = SEGMENT(l, seq).filled; /* step: look how many are filled */
	   do
	   :: atomic { i < n -> copied = copied | BIT(SLOT(l, seq, i)); i++ } /* step: copy a slot to read it */
	   :: atomic {
		i == n ->
		if
#ifndef BREAK_CONTENTS
		:: SEGMENT(l, seq).packed != 0 -> VIEW(SEGMENT(l, seq).packed) /* step: look whether it is packed now */
#endif
		:: else -> VIEW(copied)
		fi;
		copied = 0;
		i = 0;
		n = 0;
		goOn();
		break
	   }
	   od
	:: atomic {
		l == LANES ->
		l = 0;
		if
#ifndef BREAK_FOLDED
		:: folded != f -> goto again /* step: look whether more has been folded */
#endif
		:: else -> break
		fi
	   }
	od;
	atomic {
		assert(!twice);
		do
		:: l < LANES ->
			/* They are the first ones of the lane, without a gap, */
			assert((OF_LANE(l, view) & (OF_LANE(l, view) + 1)) == 0);
			l++
		:: else -> break
		od;
		/* and all that were in memory when the read came there. */
		assert((before & ~view) == 0)
	}
}

#if HELD
/* Nobody waits: where folder and reader do not go on, the owners do. */
proctype hold() {
	held = true;
	atomic {
		timeout -> assert(alive == 0);
		held = false
	}
}
#endif

init {
	atomic {
		byte k;
		for (k : 0 .. LANES - 1) {
			lanes[k].current = 1;
			lanes[k].records = SIZE;
			USE(k, 1, k);
			slots[k].word[0] = LANE(k) + 1;
			slots[k].word[1] = LANE(k) + 2;
			SEGMENT(k, 1).filled = SIZE;
			run owner(k)
		}
		made = LANES;
		k = 0;
		run memory();
		run folder();
#if HELD
		run hold();
#endif
		run reader()
	}
}

#else /* NEWEST */

#ifndef RECORDS
#define RECORDS 8 /* the slots of the segment */
#endif
#define STAMPS 3 /* of the newest samples */

byte filled;
byte slots[RECORDS];
byte stamps[STAMPS]; /* the stamp of a sample is its word */

byte begun;   /* records */
byte pending; /* stores that are not in memory yet: of the stamp, of the sample, and of filled */

proctype owner() {
end:
	do
	:: atomic { begun < RECORDS && pending == 0 -> begun++; pending = 3 }
	od
}

proctype memory() {
end:
	do
	:: atomic {
		if
		:: pending == 3 -> stamps[(begun - 1) % STAMPS] = begun /* step: store the stamp */
		:: pending == 2 -> slots[begun - 1] = begun /* step: store the sample */
		:: pending == 1 -> filled = begun /* step: store how many are filled */
		fi;
		pending--
	   }
	od
}

#ifdef BREAK_STAMPS
#define SAME(was) (filled - (was) < STAMPS)
#else
#define SAME(was) (filled - (was) < STAMPS - 1)
#endif

proctype reader() {
	byte was, stamp, sample;

again:
	atomic {
		was = filled; /* step: look how many are filled */
		if
		:: was == 0 -> goto done
		:: else
		fi
	};
	stamp = stamps[(was - 1) % STAMPS]; /* step: load the newest stamp */
	sample = slots[was - 1]; /* step: load the newest sample */
#ifndef BREAK_NEWEST
	atomic {
		if
		:: SAME(was)
		:: else -> stamp = 0; sample = 0; goto again /* step: look whether its stamp may be another's */
		fi
	};
#endif
	/* The stamp is the sample's. */
	assert(sample == was && stamp == sample);
done:	skip
}

init {
	atomic {
		run owner();
		run memory();
		run reader()
	}
}

#endif
