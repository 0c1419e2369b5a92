// Package flight keeps the running executions of a node. It has their number,
// the highest number at once, and how long the oldest has been running. It
// tells when one has been running for longer than a limit.
//
// # Why no count is wrong
//
// Begin counts an execution before it claims a slot. End frees the slot before
// it counts the execution out. Only the goroutine whose CAS frees the slot
// counts out. So an execution is counted out once, even if it is ended several
// times, and count never falls below 0.
//
// A slot belongs to an execution from the CAS that sets BUSY to the CAS that
// clears it. Each claim adds 1 to the slot's number of executions. So the word
// of an Execution frees the slot for that execution alone, until the number
// goes around after 2^15 claims of one slot.
//
// Slots are made when they are needed, for about a million executions at once.
// Executions beyond the slots are untimed. End cannot tell them apart. If an
// untimed execution is ended twice, End counts out a second untimed execution,
// but never more than there are.
//
// # The limit
//
// A Set is in breach while a timed execution is overdue, that is older than the
// limit. Two words say which goroutine finds that out. The word plan is one of
// four:
//
//	off       there is no limit
//	idle      nothing runs, so the next Begin arms a timer
//	timer(d)  a timer fires at d, and then looks
//	held      somebody looks, or the Set is in breach
//
// The word witness is one of three:
//
//	nil       the Set is not in breach
//	settling  the Set is in breach, and somebody looks
//	else      the Set is in breach, and the execution of this slot is overdue
//
// Each Begin loads plan after it claimed its slot. If it finds idle, it makes
// plan timer(begin + limit) by a CAS, and starts the timer. If it finds a
// timer(d) that does not fit, and nothing else was running, it does the same.
// If others were running, it makes plan timer(begin) by a CAS, and starts a
// timer that fires at once. It does nothing in the other cases.
//
// Each End loads witness after it freed its slot. If it finds its own slot, it
// makes witness settling by a CAS, and looks.
//
// A timer makes its timer(d) held by a CAS, and looks. If plan is another word,
// the timer does nothing.
//
// The goroutine that makes plan held, or witness settling, is the holder. There
// is at most one. The holder alone writes the two words by plain stores, and
// raises breaches and recoveries. So they alternate. A look of the holder scans
// the slots:
//
//  1. If an execution X is overdue, the holder makes witness settling and
//     raises the breach, unless the Set is in breach already. Then it makes
//     witness the slot of X, and so gives up holding. It looks at the slot
//     again. If X is gone, it makes witness settling by a CAS, and begins anew.
//  2. Otherwise it makes witness nil and raises the recovery, if the Set was in
//     breach. It makes plan idle if count is 0, and else timer(d). Here d is
//     when the oldest execution will be overdue, but at least a pause later. It
//     so gives up holding. If plan is idle and count is above 0 now, it makes
//     plan held by a CAS, and begins anew.
//
// No overdue execution is missed. Take an execution E that runs on, and the
// last change of plan before E loads plan. Atomic operations have one total
// order.
//
//   - If E finds idle, then E arms a timer. If its CAS fails, another Begin has
//     armed a timer, or a holder begins its scan later and finds E's slot.
//   - If E finds timer(d), then d is no later than when E will be overdue. Only
//     a look replaces this timer, and that look finds E's slot. A look makes d
//     at most a pause later than when E will be overdue.
//   - If E finds held, then the holder may have missed E's slot. When a holder
//     makes plan idle, it finds E in count. When it makes plan timer(d), then d
//     is at most a limit after its look began. If Begin was not held up before
//     it claimed the slot, E is not overdue before.
//
// So a breach comes at most a pause after the limit, and later only by the time
// for which the scheduler holds up Begin or the timer.
//
// No breach lasts too long. Take the witness X. If the End of X frees the slot
// before the holder makes witness the slot, the holder finds X gone. Otherwise
// the End of X loads witness later. It finds its slot, or another goroutine
// found X gone before. The CAS makes one of them the next holder. A later
// execution of the slot may end before the End of X loads witness. Then that
// End may look in the place of the End of X.
//
// # Looks under way
//
// The word looks counts the goroutines that may be the holder. Each adds itself
// before the CAS that makes it the holder. It leaves after it has raised
// everything, even if it gave up holding and held again meanwhile. Take an
// execution that has ended, and a caller that then loads looks as 0. The End of
// the execution looked by itself, or left the look to a holder. That holder has
// left by now, or its scan is still to come. A scan that comes later finds the
// slot free and raises nothing for this execution.
//
// A forgotten node keeps its place in the map while executions run or looks is
// above 0. The End that makes count 0 then loads looks. The goroutine that makes
// looks 0 then loads count, by looked. So one of them finds both 0, and gives
// the place back.
//
// # Timers
//
// A timer that fires while nothing runs is not renewed. It was set for a limit
// or a pause after a moment at which an execution ran, and a pause is at most a
// limit. So no timer outlives the last execution by more than a limit.
//
// A testing/synctest bubble has its own clock, and its timers never fire after
// the bubble has ended. Nothing keeps a timer, so nobody outside can touch it.
// A timer does not fit if d is out of the reach of Begin's clock. So an
// execution outside of the bubble replaces a timer of the bubble, and the
// reverse.
//
// The clocks of all bubbles begin at the same moment of the year 2000. So d may
// be a time of an earlier bubble. Its timer never fires. If nothing else was
// running, Begin therefore replaces each timer of a bubble. An execution that
// is counted later, and began earlier, was held up before. So the new timer is
// late for it only by that time. If an execution outlasts its bubble, or runs
// outside beside it, nothing replaces the timer that the bubble left. Then a
// later bubble may miss its breach, until no execution has been running for a
// moment. Bubbles that run at the same time may miss a breach too.
//
// The model is internal/conformance/model/flight.pml.
//
// Untimed executions are never overdue, because they have no begin.
package flight
