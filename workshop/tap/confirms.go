package tap

import (
	"cmp"
	"math"
	"slices"

	"warren.example/workshop/wire"
)

// confirms keeps the books of one channel in confirm mode. Client and broker each count publishes, from 1: the broker those
// that reach it, the client those that it sends. While nothing is taken out of the order both count alike. After
//
//	client sends    1  2  3  4  5        2 dropped
//	broker counts   1     2  3  4
//
// the broker's ack of 3 is one of the client's 4, and its ack of 4 with multiple, which covers 1 to 4, must not become one
// of 5 with multiple: that would cover 2, which the broker never got.
//
// (RabbitMQ guide "Consumer Acknowledgements and Publisher Confirms"; basic.ack and basic.nack with multiple cover all
// numbers up to theirs that are not answered yet.)
type confirms struct {
	published uint64    // the client's last number
	forwarded uint64    // the broker's last number
	open      []pending // forwarded, not yet confirmed by the broker; in the order of the broker's numbers
	owed      []uint64  // the client's numbers that are not open and that the client waits for: ascending
	touchedBy string    // the first fault after which confirms can't pass as they are; empty: there was none
	single    [1]pending
}

// pending is a publish that the broker has and has not confirmed.
type pending struct {
	client uint64   // the client's number
	broker uint64   // the broker's number
	nack   *Rule    // the NackForAck that waits for its ack
	hold   *holding // the HoldConfirm that waits for its confirm
}

// answer is a confirm: basic.ack, or basic.nack.
type answer struct {
	tag      uint64
	multiple bool
	ack      bool
	by       *Rule // the NackForAck that made a nack of an ack
}

// answerOf reads a confirm. ok is false if m is none.
func answerOf(m wire.Method) (a answer, ok bool) {
	switch m := m.(type) {
	case *wire.BasicAck:
		return answer{tag: m.DeliveryTag, multiple: m.Multiple, ack: true}, true
	case *wire.BasicNack:
		return answer{tag: m.DeliveryTag, multiple: m.Multiple}, true
	}
	return answer{}, false
}

// method returns the confirm as RabbitMQ says it.
func (a answer) method() wire.Method {
	if a.ack {
		return &wire.BasicAck{DeliveryTag: a.tag, Multiple: a.multiple}
	}
	return &wire.BasicNack{DeliveryTag: a.tag, Multiple: a.multiple, Requeue: true}
}

// publish counts a publish of the client and returns its number.
func (b *confirms) publish() uint64 {
	b.published++
	return b.published
}

// forward counts a publish that goes to the broker now. p has everything but the broker's number.
func (b *confirms) forward(p pending) {
	b.forwarded++
	p.broker = b.forwarded
	b.open = append(b.open, p)
}

// owe takes note that the client waits for an answer to number which the broker can't give, or not now.
func (b *confirms) owe(number uint64, by string) {
	at, _ := slices.BinarySearch(b.owed, number)
	b.owed = slices.Insert(b.owed, at, number)
	b.touch(by)
}

// touch takes note of a fault after which confirms can't pass as they are. The first one is remembered.
func (b *confirms) touch(by string) {
	if b.touchedBy == "" {
		b.touchedBy = by
	}
}

// pay takes note that number is not owed any more.
func (b *confirms) pay(number uint64) {
	if at, found := slices.BinarySearch(b.owed, number); found {
		b.owed = slices.Delete(b.owed, at, at+1)
	}
}

// settle takes a confirm of the broker and returns what it is about: nothing if the broker confirms what it never got. The
// result is valid until the next settle.
func (b *confirms) settle(said answer) []pending {
	at, found := slices.BinarySearchFunc(b.open, said.tag, func(p pending, tag uint64) int {
		return cmp.Compare(p.broker, tag)
	})
	switch {
	case said.multiple && said.tag == 0:
		at = len(b.open)
	case found && said.multiple:
		at++
	case found:
		b.single[0] = b.open[at]
		copy(b.open[1:at+1], b.open[:at]) // most confirms come near the front: the shorter way
		b.open = b.open[1:]
		return b.single[:]
	case !said.multiple:
		return nil
	}
	settled := b.open[:at:at]
	b.open = b.open[at:]
	return settled
}

// answers returns what the client is told when the broker says what it said about settled. Answers with multiple cover
// nothing but what is settled: they go up to the first number that the client still waits for, and over no gap.
func (b *confirms) answers(settled []pending, said answer) []answer {
	byClient := func(p, q pending) int { return cmp.Compare(p.client, q.client) }
	if !slices.IsSortedFunc(settled, byClient) {
		settled = slices.SortedFunc(slices.Values(settled), byClient)
	}
	limit := b.firstMissing()
	var all []answer
	for i, p := range settled {
		together := said.multiple && p.client < limit
		if together && i > 0 && p.client == settled[i-1].client+1 && p.nack == settled[i-1].nack {
			last := &all[len(all)-1]
			last.tag, last.multiple = p.client, true
			continue
		}
		a := answer{tag: p.client, ack: said.ack}
		if said.ack && p.nack != nil {
			a.ack, a.by = false, p.nack
		}
		all = append(all, a)
	}
	if len(all) == 1 && said.multiple && all[0].tag < limit {
		all[0].multiple = true // as it was said
	}
	return all
}

// firstMissing returns the lowest number that the client waits for.
func (b *confirms) firstMissing() uint64 {
	first := uint64(math.MaxUint64)
	if len(b.owed) > 0 {
		first = b.owed[0]
	}
	for _, p := range b.open {
		first = min(first, p.client)
	}
	return first
}
