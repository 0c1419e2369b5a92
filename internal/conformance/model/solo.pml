/*
 * Recorders of a spread ring, one of which records alone: internal/ring, "Recording alone".
 *
 * One step here is one atomic operation there. README.md says what is left out,
 * and where each step is. A record is a stamp. A shard's owner releases it by a
 * plain store, which reaches memory at any time after the record returned.
 */

#ifndef SHARDS
#define SHARDS 2
#endif
#ifndef RECORDERS
#define RECORDERS 2 /* recorder r belongs to shard r % SHARDS */
#endif
#ifndef RECORDS
#define RECORDS 2 /* of each recorder */
#endif

byte head[SHARDS];
bool busy[SHARDS];
byte newest[SHARDS];    /* of an owner: the last stamp */
byte heads[SHARDS];     /* of an owner: the sum of the others when it last looked */
byte at[SHARDS];        /* the clock after that; 0 if one of them was owned */
byte solo;              /* 1 + the shard that records alone, or 0 */
byte clock;             /* what it said last */
byte returned[SHARDS];  /* what claims look at: the latest stamp of the records that returned */

inline readClock(t) { atomic { clock++; t = clock } }

/* look sums the heads of the other shards. */
inline look() {
	n = 0; sum = 0; owned = false;
	do
	:: n < SHARDS -> atomic { /* step: look at a shard */
		sum = (n == s -> sum : sum + head[n]);
		owned = owned || (n != s && busy[n]);
		n++
	   }
	:: else -> break
	od;
	now = 0;
	if
	:: !owned -> readClock(now)
	:: else
	fi
}

inline claim() {
	look();
	atomic {
		quiet = at[s] != 0 && now > at[s] && heads[s] == sum;
		heads[s] = sum; at[s] = now
	}
	if
	:: quiet -> atomic { quiet = solo == 0; solo = (quiet -> s + 1 : solo) } /* step: set solo */
#ifndef BREAK_AGAIN
		if
		:: quiet ->
			look();
			if
			:: owned || sum != heads[s] -> atomic { solo = (solo == s + 1 -> 0 : solo) } /* step: give solo up */
			:: else
			fi
		:: else
		fi
#endif
	:: else
	fi
}

proctype recorder(byte r) {
	byte s, i, end, stamp, floor, w, n, sum, now;
	bool owned, quiet;

	s = r % SHARDS;
	do
	:: i < RECORDS ->
		atomic {
			/* The execution ends, or its record begins, after these returned. */
			floor = 0; end = 0;
			for (n : 0 .. SHARDS - 1) { floor = (n != s && returned[n] > floor -> returned[n] : floor) }
			if
			:: clock++; end = clock
			:: true
			fi;
			n = 0
		}
#ifdef BREAK_ORDER
		w = solo;
		atomic { !busy[s] -> busy[s] = true };
#else
		atomic { !busy[s] -> busy[s] = true }; /* step: acquire the shard */
		w = solo; /* step: load solo */
#endif
		if
		:: w == s + 1 && end == 0 -> stamp = newest[s]
		:: else ->
			if
#ifndef BREAK_CLEAR
			:: w != 0 && w != s + 1 -> solo = 0 /* step: clear solo */
#endif
			:: w == 0 && end == 0 -> claim()
			:: w == 0 || w == s + 1 -> skip
#ifdef BREAK_CLEAR
			:: else
#endif
			fi;
			if
			:: end != 0 -> stamp = end
			:: end == 0 -> readClock(stamp) /* step: read the clock */
			fi;
			stamp = (stamp > newest[s] -> stamp : newest[s])
		fi;
		atomic {
			/* Whoever began after a record of another shard had returned has a later stamp. */
			assert(stamp > floor);
			newest[s] = stamp;
			returned[s] = stamp;
			i++; end = 0; w = 0; floor = 0; sum = 0; now = 0; n = 0; owned = false; quiet = false; stamp = 0
		}
		atomic { head[s]++; busy[s] = false } /* step: release the shard */
	:: else -> break
	od
}

init {
	atomic {
		byte k;
		clock = 1; /* each shard's owner has looked */
		for (k : 0 .. SHARDS - 1) { at[k] = 1 }
		for (k : 0 .. RECORDERS - 1) { run recorder(k) }
	}
}
