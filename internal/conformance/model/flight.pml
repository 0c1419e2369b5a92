/*
 * The limit of the executions that run: internal/flight.
 *
 * EXECUTIONS goroutines begin an execution each, and end it or leave it running
 * for ever. They share SLOTS slots. The timer fires at any time while it is
 * armed. An execution becomes overdue at any time. One step here is one atomic
 * operation there. README.md says what is left out, and where each step is.
 */

#ifndef EXECUTIONS
#define EXECUTIONS 3
#endif
#ifndef TIMERS
#define TIMERS 1 /* whose goroutines overlap */
#endif
#ifndef SLOTS
#define SLOTS 2
#endif

#define IDLE 0
#define HELD 1
#define TIMER 2

#define NONE 0
#define SETTLING 255 /* else a slot, from 1 */

byte plan = IDLE;
byte witness = NONE;
byte count;
byte slot[SLOTS + 1];     /* the execution, from 1; 0 if it is free */
bool old[EXECUTIONS + 1]; /* the execution is overdue */

/* What only claims look at. */
byte holders;
bool breached;            /* the last event was a breach */
byte ended;               /* goroutines of executions */
byte looking;             /* goroutines of timers */

/* There is never more than one holder. */
#define HOLD holders++; assert(holders == 1)

/* Breaches and recoveries alternate. */
#define RAISE(breach) assert(breached != (breach)); breached = (breach)

/* look is the look of the holder. s, w, x and next are 0 before it and after it. */
inline look(inbreach) {
	do
	:: s < SLOTS -> s++; atomic {
		if
		:: w == 0 && slot[s] != 0 && old[slot[s]] -> w = s; x = slot[s] /* step: scan a slot */
		:: else
		fi
	   }
	:: s == SLOTS && w != 0 -> s = 0;
		if
		:: inbreach
		:: !inbreach ->
			witness = SETTLING; /* step: begin a breach */
			atomic { RAISE(true); inbreach = true } /* step: raise the breach */
		fi;
		atomic { witness = w; holders-- }; /* step: make it the witness */
#ifdef BREAK_GONE
		atomic { w = 0; x = 0; break }
#else
		if
		:: atomic { slot[w] == x -> w = 0; x = 0; break } /* step: look whether it is gone */
		:: slot[w] != x
		fi;
		if
		:: atomic { witness == w -> witness = SETTLING; HOLD; w = 0; x = 0 } /* step: settle again */
		:: atomic { witness != w -> w = 0; x = 0; break }
		fi
#endif
	:: s == SLOTS && w == 0 -> s = 0;
		if
		:: !inbreach
		:: inbreach ->
			witness = NONE; /* step: end a breach */
#ifndef BREAK_RAISE
			atomic { RAISE(false); inbreach = false } /* step: raise the recovery */
#endif
		fi;
		if
		:: count != 0 -> next = TIMER /* step: look whether something runs */
		:: count == 0 -> next = IDLE
		fi;
		atomic { plan = next; holders-- }; /* step: make the plan */
#ifdef BREAK_RAISE
		if
		:: inbreach -> atomic { RAISE(false); inbreach = false }
		:: else
		fi;
#endif
#ifdef BREAK_IDLE
		atomic { next = 0; break }
#else
		if
		:: atomic { next == TIMER || count == 0 -> next = 0; break } /* step: look whether something runs by now */
		:: next == IDLE && count != 0 -> next = 0
		fi;
		if
		:: atomic { plan == IDLE -> plan = HELD; HOLD } /* step: hold again */
		:: plan != IDLE -> break
		fi
#endif
	od
}

proctype execution(byte me) {
	byte mine, s, w, x, p, next;
	bool inbreach;

#ifdef BREAK_BEGIN
	p = plan;
#endif
	count++; /* step: count the execution */
	atomic {
		if
		:: slot[1] == 0 -> slot[1] = me; mine = 1 /* step: claim a slot */
		:: slot[SLOTS] == 0 -> slot[SLOTS] = me; mine = SLOTS
		:: else /* it is untimed */
		fi
	}
	if
	:: mine == 0 -> count--; goto over
	:: mine != 0
	fi;
#ifndef BREAK_BEGIN
	p = plan; /* step: load the plan */
#endif
	if
	:: p == IDLE -> p = 0; atomic {
		if
		:: plan == IDLE -> plan = TIMER /* step: arm the timer */
		:: else
		fi
	   }
	:: p != IDLE -> p = 0
	fi;
	if
	:: atomic { old[me] -> mine = 0; goto over } /* it hangs */
	:: skip
	fi;
#ifdef BREAK_END
	w = witness;
#endif
	slot[mine] = 0; /* step: free the slot */
	count--; /* step: count the execution out */
#ifndef BREAK_END
	w = witness; /* step: load the witness */
#endif
	if
	:: w != mine -> w = 0; mine = 0; goto over
	:: w == mine -> w = 0
	fi;
	if
	:: atomic { witness == mine -> witness = SETTLING; HOLD; inbreach = true; mine = 0 } /* step: settle */
#ifdef BREAK_TAKE
	:: atomic { witness != mine -> witness = SETTLING; HOLD; inbreach = true; mine = 0 }
#else
	:: atomic { witness != mine -> mine = 0; goto over }
#endif
	fi;
	look(inbreach);
over:
	ended++
}

proctype clock() {
	byte s, w, x, next;
	bool inbreach;

end:	do
	:: atomic { plan == TIMER -> looking++; plan = HELD; HOLD } /* step: fire */
		look(inbreach);
		atomic { inbreach = false; looking-- }
	od
}

proctype ageing() {
	byte e;

end:	do
	:: atomic { e < EXECUTIONS -> e++; old[e] = true }
	od
}

init {
	byte k, left;
	atomic {
		for (k : 1 .. EXECUTIONS) {
			run execution(k)
		}
		for (k : 1 .. TIMERS) {
			run clock()
		}
		run ageing()
	}
	/*
	 * When all have ended or hang, and nothing is planned, the Set is in breach
	 * if something is overdue.
	 */
end:	atomic {
		ended == EXECUTIONS && looking == 0 && plan != TIMER;
		for (k : 1 .. SLOTS) {
			if
			:: slot[k] != 0 && old[slot[k]] -> left++
			:: else
			fi
		}
		assert((left > 0) == breached);
		assert((witness != NONE) == breached);
		assert(plan == (breached -> HELD : IDLE) || count != 0)
	}
}
