/*
 * The helper goroutine of internal/helper, which starts with the first item and
 * ends with the last.
 *
 * PUTTERS goroutines put ITEMS items in all. The helpers deliver them. A
 * helper may end in the middle of an item, as after a panic. A flusher flushes
 * once. Each step here is one atomic operation there. README.md has the
 * omissions, and the place of each step.
 *
 * A cell is its number in the queue, seq, from 1. The first dummy is 0. So
 * the cell behind cell h is h+1. If h is the last linked cell, there is no cell
 * behind h.
 */

#ifndef PUTTERS
#define PUTTERS 3
#endif
#ifndef ITEMS
#define ITEMS 3 /* of all putters together */
#endif
#ifndef LIMIT
#define LIMIT ITEMS /* of items that wait; beyond the limit the oldest is dropped */
#endif
#ifndef FLUSH
#define FLUSH 0 /* whether there is a flusher */
#endif

byte head;       /* the last cell taken */
byte linked;     /* the last cell linked, whose next is nil */

/* The state is one word, so it is read and replaced in one step. */
bool running;    /* the state has a channel, so a helper runs */
#if FLUSH
byte settled;
bool closed;     /* the channel that the flusher loaded has been closed */
byte target;     /* the cell the flusher waits for */
#endif

byte begun;      /* items that are put, or have been */
byte putters;    /* putters that have begun, in their order, because they are alike */

/* What only claims look at. */
byte owners;     /* goroutines that may replace the state of a helper that runs */
byte alive;      /* goroutines */
byte handled;    /* the newest cell that has been delivered */
byte done;       /* cells that have been delivered or dropped, a bit for each */

#define IN(cell, set) (((set) >> (cell)) & 1)

/* Every item is delivered or dropped, and once. */
#define DONE(cell) assert(!IN(cell, done)); done = done | (1 << (cell))

/* replace puts a new state in place, and closes the channel of the old state. */
inline replace(to) {
#if FLUSH
	settled = to;
	closed = true
#else
	skip
#endif
}

/* start ends the goroutine if this is the goroutine's last act. */
inline start(last) {
	if
	:: atomic { running -> alive = alive - last } /* step: look whether a helper runs */
	:: !running ->
		if
		:: atomic { head == linked -> alive = alive - last } /* step: look whether something waits */
		:: head != linked -> atomic {
			if
#ifdef BREAK_RUNNING
			:: true ->
#else
			:: !running -> /* step: put a state with a channel in place, and go */
#endif
				running = true;
				owners++;
				/* There are never two helpers. */
				assert(owners <= 1);
				alive++;
				run helper()
#ifndef BREAK_RUNNING
			:: else
#endif
			fi;
			alive = alive - last
		   }
		fi
	fi
}

inline trim() {
#if LIMIT < ITEMS
again:
	do
	:: h = head; /* step: look how many wait */
	   if
	   :: atomic { h + LIMIT >= seq -> h = 0; break }
	   :: h + LIMIT < seq ->
		atomic {
#ifdef BREAK_TRIM
			h = head;
#endif
			if
			:: head == h -> /* step: take the oldest away */
				/* Nothing is dropped unless more than the limit wait. */
				assert(h + LIMIT < linked);
				head = h + 1;
				DONE(h + 1);
				h = 0
			:: else -> h = 0; goto again
			fi
		}
	   fi
	od;
#endif
	skip
}

proctype putter(byte n) {
	byte h, seq;

	do
	:: atomic {
		begun < ITEMS && putters >= n - 1 -> begun++;
		if
		:: putters < n -> putters = n
		:: else
		fi;
#ifdef BREAK_LINK
	   }
	   start(0);
	   atomic {
#endif
		linked++; /* step: link the cell */
		seq = linked
	   }
#ifndef BREAK_LINK
	   start(0);
#endif
	   trim();
	   seq = 0
	:: atomic { begun == ITEMS -> alive--; break }
	od
}

/* A goroutine of the helper. */
proctype helper() {
	byte h, item;

	do
	:: atomic { head == linked -> break } /* step: look for the oldest */
	:: atomic { head != linked -> h = head }
	   atomic {
		if
		:: head == h -> head = h + 1; item = h + 1 /* step: take it */
		:: else
		fi;
		h = 0
	   }
	   if
	   :: item == 0
	   :: item != 0 ->
#if FLUSH && !defined(BREAK_SETTLE)
		atomic {
#ifdef BREAK_EARLY
			replace(item)
#else
			if
			:: settled < item - 1 -> replace(item - 1) /* step: settle the cells before it */
			:: else
			fi
#endif
		};
#endif
		atomic {
			/* Items are delivered in their order. */
			assert(handled < item); /* step: deliver it */
			handled = item;
			DONE(item);
		}
#if FLUSH
		if
		:: skip
		:: target != 0 && item > target ->
end:			false /* this delivery never returns, and no flush of earlier items waits for it */
		fi;
#endif
		if
		:: item = 0
		:: atomic { item = 0; break } /* the delivery has ended the goroutine */
		fi
	   fi
	od;
	h = head; /* step: load the head at the end */
	atomic {
		running = false; /* step: leave a state without a channel */
		replace(h);
		h = 0;
		owners--
	}
#ifdef BREAK_RETIRE
	alive--
#else
	start(1) /* step: start again */
#endif
}

#if FLUSH
proctype flusher() {
	byte c;

	target = linked; /* step: look for the last cell */
	do
	:: atomic { settled >= target -> break } /* step: load the state */
#ifdef BREAK_WORD
	:: settled < target ->
	   if
	   :: atomic { running -> closed = false }
	   :: atomic { !running -> closed = true }
	   fi;
#else
	:: atomic { settled < target && running -> closed = false };
#endif
	   atomic { closed -> closed = false } /* step: wait */
	:: settled < target && !running -> start(0) /* step: start a helper */
	od;
	/* Whatever was put before the flush has been delivered or dropped. */
	atomic {
		for (c : 1 .. target) {
			assert(IN(c, done))
		}
		alive--
	}
}
#endif

init {
	atomic {
		byte k;
		alive = PUTTERS + FLUSH;
#if FLUSH
		run flusher();
#endif
		for (k : 1 .. PUTTERS) {
			run putter(k)
		}
		k = 0
	}
	/* When nobody puts and no helper is left, nothing is left. */
end:	atomic {
		alive == 0;
		assert(head == linked && linked == ITEMS && !running)
	}
}
