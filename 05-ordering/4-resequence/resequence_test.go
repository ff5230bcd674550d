package resequence_test

import (
	"testing"
	"time"
)

// The keys of most stories: two parcels on their way.
const (
	seven = "parcel-7"
	eight = "parcel-8"
)

func TestEarlyOnesWaitForTheirTurn(t *testing.T) {
	s := newStage(t)
	const why = "the page says delivered, and then on its way: customers call, and ask where their parcel is"
	s.add(seven, 3, "waits", why)
	s.add(seven, 2, "waits", why)
	s.add(seven, 1, "parcel-7 1, 2, 3", why)
	s.add(seven, 4, "parcel-7 4", "what is in order has nothing to wait for")
	s.add(seven, 6, "waits", why)
	s.add(seven, 8, "waits", why)
	s.add(seven, 5, "parcel-7 5, 6", "8 is not due: 7 is still missing")
	s.add(seven, 7, "parcel-7 7, 8", why)
}

func TestKeysDoNotWaitForEachOther(t *testing.T) {
	s := newStage(t)
	const why = "each parcel has its own numbers: one scan that is lost stops the pages of all parcels"
	s.add(seven, 2, "waits", why)
	s.add(eight, 1, "parcel-8 1", why)
	s.add(eight, 2, "parcel-8 2", why)
	s.now = time.Minute
	s.add("parcel-9", 3, "waits", why)
	s.expire(gap, "parcel-7 2; missing parcel-7 1", "the gap of parcel-9 is a minute younger")
	s.add("parcel-9", 1, "parcel-9 1", why)
	s.add(eight, 3, "parcel-8 3", why)

	const joined = "one that is told to be a duplicate is acked, and lost: it is 2 of parcel-77, not 72 of parcel-7"
	s.add(seven, 72, "waits", "3 is missing")
	s.add("parcel-77", 2, "waits", joined)
	s.add("parcel-77", 1, "parcel-77 1, 2", joined)
}

func TestLateOnesAreTold(t *testing.T) {
	s := newStage(t)
	const why = "nobody acks it, since it seems to wait: after as many late ones as the prefetch nothing is delivered any more"
	s.add(seven, 1, "parcel-7 1", why)
	s.add(seven, 1, "ErrLate", why)
	s.add(seven, 2, "parcel-7 2", why)
	s.add(seven, 4, "waits", why)
	s.expire(gap, "parcel-7 4; missing parcel-7 3", "after its time nobody waits for 3")
	s.add(seven, 3, "ErrLate", "4 is on the page already: behind it 3 would be out of order. "+
		"And if nobody is told of it, nobody acks it")
	s.add(seven, 4, "ErrLate", why)
	s.add(seven, 5, "parcel-7 5", why)
	s.add(seven, 0, "another error", "who forgot to number his messages would hear that they are late, and ack them")
	s.add(seven, -1, "another error", "who forgot to number his messages would hear that they are late, and ack them")
}

func TestDuplicatesAreTold(t *testing.T) {
	s := newStage(t)
	s.add(seven, 2, "waits", "1 is missing")
	const told = "it is acked when it is returned, and this one never will be: it blocks a place of the prefetch"
	s.add(seven, 2, "ErrDuplicate", told)
	s.add(seven, 3, "waits", "1 is missing")
	s.add(seven, 3, "ErrDuplicate", told)
	s.add(seven, 1, "parcel-7 1, 2, 3", "the second delivery of 2 was not taken, and its caller has acked it: acked again, "+
		"RabbitMQ closes the channel (406); and what is returned twice is twice on the page")
	s.add(seven, 2, "ErrLate", "it was returned")
	s.add(seven, 4, "parcel-7 4", "duplicates must leave nothing behind")
}

func TestLimitCountsAllKeys(t *testing.T) {
	s := newStage(t)
	const prefetch = "RabbitMQ counts what is unacked of all parcels: when all of the prefetch waits, nothing is delivered any more"
	s.add(seven, 2, "waits", "3 may wait")
	s.add(seven, 3, "waits", "3 may wait")
	s.add(eight, 2, "waits", "3 may wait")
	s.add(eight, 3, "ErrFull", prefetch)
	s.add("parcel-9", 2, "ErrFull", prefetch)
	s.add(seven, 3, "ErrDuplicate", "who hears that it's full, keeps it and tries again, though 3 has its place")
	s.add(eight, 1, "parcel-8 1, 2", "3 was refused: its caller has it, and does with it what it likes")
	s.add(eight, 1, "ErrLate", "it was returned")
	s.add(eight, 3, "parcel-8 3", "when it was refused, nothing was changed")
	s.add(eight, 5, "waits", "a place is free again")
	s.add(eight, 6, "ErrFull", prefetch)
	s.next("10m0s", "who has to make room asks which gap is the oldest")
	s.expire(gap, "parcel-7 2, 3 · parcel-8 5; missing parcel-7 1, parcel-8 4", "the caller gives up before the time, to make room")
	s.now = time.Second
	s.add(eight, 6, "parcel-8 6", "it was refused, and is next now")
	s.add(eight, 8, "waits", "7 is missing")
	s.next("10m1s", "8 came at 1s: that Expire was called with a later time, to make room, changes nothing for it")
}

func TestFullTakesWhatIsDue(t *testing.T) {
	s := newStage(t)
	s.add(seven, 2, "waits", "3 may wait")
	s.add(seven, 3, "waits", "3 may wait")
	s.add(seven, 5, "waits", "3 may wait")
	s.add(eight, 1, "parcel-8 1", "it needs no place: if it is refused, a full one shows nothing any more, of no parcel")
	s.add(seven, 1, "parcel-7 1, 2, 3", "this is the one that all wait for: if it is refused, it stays full for ever")
	s.add(eight, 3, "waits", "two places are free")
	s.add(eight, 4, "waits", "two places are free")
	s.add(eight, 5, "ErrFull", "5 of parcel-7 and 3 and 4 of parcel-8 wait")
	s.expire(gap, "parcel-7 5 · parcel-8 3, 4; missing parcel-7 4, parcel-8 2", "their time is over")
	s.add(eight, 6, "waits", "nothing waits: if places that Expire made free stay taken, it is full for ever in the end")
	s.add(eight, 7, "waits", "3 may wait")
	s.add(eight, 8, "waits", "3 may wait")
	s.add(eight, 9, "ErrFull", "3 may wait")
}

func TestGapIsGivenUp(t *testing.T) {
	s := newStage(t)
	s.add(seven, 1, "parcel-7 1", "nothing is missing")
	s.now = time.Minute
	s.add(seven, 4, "waits", "2 and 3 are missing")
	s.expire(time.Minute+gap-1, "nothing", "the gap is open since 4 came, 10m0s less a nanosecond: perhaps 2 comes now")
	s.expire(time.Minute+gap, "parcel-7 4; missing parcel-7 2–3", "one scan is lost, and the parcel's page stands still for ever")
	s.expire(time.Minute+gap, "nothing", "it was given up and returned: the page would show it twice")
	s.expire(24*time.Hour, "nothing", "nothing waits")
	s.add(seven, 5, "parcel-7 5", "4 was returned: 5 is next")
	s.add(seven, 8, "waits", "6 and 7 are missing")
	s.add(seven, 6, "parcel-7 6", "6 is in time, and 7 is still missing")
	s.expire(24*time.Hour+gap, "parcel-7 8; missing parcel-7 7", "6 came: who says that it is missing starts a search for it")
}

func TestOnlyExpireGivesUp(t *testing.T) {
	s := newStage(t)
	const why = "what is given up must be named, and only Expire names it: so it's lost, and nobody knows"
	s.add(seven, 2, "waits", "1 is missing")
	s.now = 2 * gap
	s.add(seven, 4, "waits", why)
	s.add(seven, 1, "parcel-7 1, 2", "its time was over, but nobody had called Expire: it's in time")
	s.add(seven, 3, "parcel-7 3, 4", why)
}

func TestGapIsAsOldAsTheFirstBehindIt(t *testing.T) {
	s := newStage(t)
	const restart = "while messages come, it is never given up: the busiest parcel stands still longest"
	s.add(seven, 3, "waits", "1 and 2 are missing")
	s.now = gap / 2
	s.add(seven, 6, "waits", "1 and 2 are missing")
	s.now = gap - time.Second
	s.add(seven, 1, "parcel-7 1", "it is next")
	s.add(seven, 4, "waits", "2 is missing")
	s.next("10m0s", restart)
	s.expire(gap, "parcel-7 3, 4; missing parcel-7 2", restart)
	s.next("15m0s", "the gap before 6 is open since 6 came, though there was another one before it")
	s.expire(3*gap/2-1, "nothing", "the gap before 6 has not been open for 10 minutes")
	s.expire(3*gap/2, "parcel-7 6; missing parcel-7 5",
		"if each gap's time begins when the one before it ends, a parcel with 5 of them waits for an hour")

	s.now = 2 * gap
	s.add(seven, 11, "waits", "7 is missing")
	s.now = 2*gap + time.Minute
	s.add(seven, 9, "waits", "7 is missing")
	s.expire(3*gap, "parcel-7 9, 11; missing parcel-7 7–8, parcel-7 10", "11 came first, and both gaps are before it")
}

func TestEveryGapIsGivenUp(t *testing.T) {
	s := newStage(t)
	const all = "what isn't given up now has waited longer than it may, and waits for the next call"
	s.add(seven, 2, "waits", "1 is missing")
	s.add(seven, 4, "waits", "1 is missing")
	s.add(eight, 3, "waits", "1 is missing")
	s.expire(gap, "parcel-7 2, 4 · parcel-8 3; missing parcel-7 1, parcel-7 3, parcel-8 1–2", all)

	s.add(seven, 6, "waits", "5 is missing")
	s.now += time.Minute
	s.add(seven, 7, "waits", "5 is missing")
	s.add(seven, 9, "waits", "5 is missing")
	s.expire(2*gap, "parcel-7 6, 7; missing parcel-7 5", "6 is returned, so 7 is next; before 9 there is still a gap")
	s.add(seven, 8, "parcel-7 8, 9", "9 is there, and its time was not over")
}

func TestNextSaysWhenExpireIsDue(t *testing.T) {
	s := newStage(t)
	const idle = "nothing waits: a timer for it fires at once, again and again"
	s.next("never", idle)
	s.add(seven, 1, "parcel-7 1", "nothing is missing")
	s.next("never", idle)
	s.now = time.Minute
	s.add(seven, 3, "waits", "2 is missing")
	s.now = 2 * time.Minute
	s.add(eight, 3, "waits", "1 is missing")
	s.add(seven, 5, "waits", "2 is missing")
	s.next("11m0s", "the oldest gap comes first: whoever sleeps until a younger one is too late for it")
	s.add(seven, 2, "parcel-7 2, 3", "it is next")
	s.next("12m0s", "the gap before 5 is open since 5 came")
	s.add(seven, 4, "parcel-7 4, 5", "it is next")
	s.next("12m0s", "parcel-8 still waits")
	s.expire(12*time.Minute, "parcel-8 3; missing parcel-8 1–2", "at the time that Next said Expire must find something")
	s.next("never", idle)
}
