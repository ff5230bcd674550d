package vhost

import (
	"math/rand/v2"
	"time"
)

// hostility makes the broker as unpleasant as the rules allow: what no client may rely on doesn't happen. It is used with the
// host's lock held. Nil is a polite broker.
type hostility struct{ dice *rand.Rand }

func newHostility(seed int64) *hostility {
	if seed == 0 {
		return nil
	}
	return &hostility{rand.New(rand.NewPCG(uint64(seed), uint64(seed)))}
}

// pause is how long something is held back: up to three milliseconds.
func (y *hostility) pause() time.Duration {
	return time.Duration(1+y.dice.IntN(3000)) * time.Microsecond
}

// delay holds confirms back, so that later ones overtake them (rabbitmq.com/docs/confirms promises no order).
func (y *hostility) delay(ch *Channel, numbers []uint64) {
	ch.late = append(ch.late, numbers...)
	if len(ch.late) > len(numbers) {
		return
	}
	ch.lateTimer = ch.host.after(ch.lateTimer, y.pause(), ch.confirmLate)
}

// confirmLate is called by the clock. Some confirms go together, some alone and in any order, and some have to wait again.
func (ch *Channel) confirmLate() {
	h := ch.host
	h.enter()
	defer h.leave()
	if ch.closed {
		return
	}
	dice := h.hostility.dice
	numbers := ch.late
	ch.late = nil
	dice.Shuffle(len(numbers), func(i, j int) { numbers[i], numbers[j] = numbers[j], numbers[i] })
	now := numbers[:1+dice.IntN(len(numbers))]
	if rest := numbers[len(now):]; len(rest) > 0 {
		h.hostility.delay(ch, append([]uint64(nil), rest...))
	}
	if dice.IntN(2) == 0 {
		ch.sendConfirms(now)
		return
	}
	for _, n := range now {
		ch.sendConfirm(n)
	}
}
