package vhost

import (
	"math"
	"slices"

	"warren.example/workshop/wire"
)

// waiting is a confirm that waits until the journal has an event on disk.
type waiting struct {
	event   uint64
	channel *Channel
	number  uint64
}

// confirmLine is the confirms that wait, in the order of their events.
type confirmLine struct {
	list []waiting
	head int
}

func (l *confirmLine) add(w waiting) {
	if l.head > 1000 && 2*l.head > len(l.list) {
		l.list = slices.Delete(l.list, 0, l.head)
		l.head = 0
	}
	l.list = append(l.list, w)
}

// upTo removes and returns those that wait for events up to n. What it returns is valid until the next call of add.
func (l *confirmLine) upTo(n uint64) []waiting {
	start := l.head
	for l.head < len(l.list) && l.list[l.head].event <= n {
		l.head++
	}
	ready := l.list[start:l.head]
	if l.head == len(l.list) {
		l.list, l.head = l.list[:0], 0
	}
	return ready
}

// Safe tells that all events of the journal up to number n are on disk: confirms that waited for them are sent.
func (h *Host) Safe(n uint64) {
	h.enter()
	defer h.leave()
	h.eachWaiting(n, func(ch *Channel, numbers []uint64) { ch.confirm(numbers) })
}

// Failed tells that the journal can write no more. Confirms that waited for it are sent as basic.nack, and so are all to come
// that would wait: nobody is told that a message is safe when it is not.
func (h *Host) Failed() {
	h.enter()
	defer h.leave()
	h.failed = true
	h.eachWaiting(math.MaxUint64, func(ch *Channel, numbers []uint64) {
		for _, n := range numbers {
			ch.refuse(n)
		}
	})
}

// eachWaiting takes the confirms that wait for events up to n out of the line and calls do with them, for each channel.
func (h *Host) eachWaiting(n uint64, do func(ch *Channel, numbers []uint64)) {
	ready := h.confirms.upTo(n)
	numbers := make(map[*Channel][]uint64)
	var order []*Channel
	for _, w := range ready {
		if w.channel.closed {
			continue
		}
		if numbers[w.channel] == nil {
			order = append(order, w.channel)
		}
		numbers[w.channel] = append(numbers[w.channel], w.number)
	}
	clear(ready)
	for _, ch := range order {
		do(ch, numbers[ch])
	}
}

// answerPublish answers a publish in confirm mode: at once, or when the journal has its event stored on disk.
func (ch *Channel) answerPublish(number, stored uint64, taken bool) {
	switch {
	case !taken, stored != 0 && ch.host.failed:
		ch.refuse(number)
	case stored != 0:
		ch.host.confirms.add(waiting{stored, ch, number})
		ch.host.config.Journal.Flush(stored)
	case ch.host.hostility != nil:
		ch.confirm([]uint64{number})
	default:
		ch.sendConfirm(number)
	}
}

// settled notes that a message is answered.
func (ch *Channel) settled(number uint64) {
	if number != ch.base+1 {
		if ch.confirmed == nil {
			ch.confirmed = make(map[uint64]struct{})
		}
		ch.confirmed[number] = struct{}{}
		return
	}
	ch.base++
	for len(ch.confirmed) > 0 {
		if _, ok := ch.confirmed[ch.base+1]; !ok {
			break
		}
		ch.base++
		delete(ch.confirmed, ch.base)
	}
}

// unconfirmed is how many messages have no answer yet.
func (ch *Channel) unconfirmed() int { return int(ch.issued-ch.base) - len(ch.confirmed) }

// confirm acknowledges messages, or has the hostile broker do so later.
func (ch *Channel) confirm(numbers []uint64) {
	if ch.host.hostility != nil {
		ch.host.hostility.delay(ch, numbers)
		return
	}
	ch.sendConfirms(numbers)
}

// sendConfirms acknowledges all messages up to the first that has no answer yet with one basic.ack, the others one by one, as
// RabbitMQ does (rabbit_channel:coalesce_and_send).
func (ch *Channel) sendConfirms(numbers []uint64) {
	if len(numbers) == 1 {
		ch.sendConfirm(numbers[0])
		return
	}
	ch.counts.confirmed += uint64(len(numbers))
	for _, n := range numbers {
		ch.settled(n)
	}
	slices.Sort(numbers)
	together, _ := slices.BinarySearch(numbers, ch.base+1)
	if together > 0 {
		ch.out.Send(&wire.BasicAck{DeliveryTag: numbers[together-1], Multiple: true}, nil)
	}
	for _, n := range numbers[together:] {
		ch.out.Send(&wire.BasicAck{DeliveryTag: n}, nil)
	}
}

func (ch *Channel) sendConfirm(number uint64) {
	ch.counts.confirmed++
	ch.settled(number)
	ch.out.Send(&wire.BasicAck{DeliveryTag: number}, nil)
}

// refuse says that a message is not stored. As RabbitMQ's, the answer is for all messages before, if they have theirs, and has
// a bit for requeue that means nothing.
func (ch *Channel) refuse(number uint64) {
	ch.counts.refused++
	ch.settled(number)
	ch.out.Send(&wire.BasicNack{DeliveryTag: number, Multiple: number <= ch.base, Requeue: true}, nil)
}
