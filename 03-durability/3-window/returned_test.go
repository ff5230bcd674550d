package window_test

import (
	"fmt"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"

	"warren.example/03-durability/3-window"
	"warren.example/workshop/lab"
	"warren.example/workshop/tap"
)

// back are the messages that RabbitMQ sends back.
var back = tap.Filter{From: tap.Broker, Method: "basic.return"}

// mustComeBack ends the test unless n messages come back.
func (s *stage) mustComeBack(n int) {
	s.lab.Expect(back, n, lab.Claim{
		Saw: fmt.Sprintf("%d of %d messages for a queue that doesn't exist came back (basic.return); RabbitMQ acks and drops the others",
			s.lab.Tap.Recording().Count(back), n),
		Want: "every message is published mandatory",
		Why:  "a typing error in a configuration: orders are acked, and they are nowhere",
		Wire: s.confirms(),
		Read: "03-durability/README.md#window",
	})
	s.lab.Settle()
}

func TestReturnedIsNotStored(t *testing.T) {
	s := newStage(t, 2)

	sent := s.sendTo(nowhere, amqp.Publishing{Body: []byte("order-7")})

	s.mustBe(sent, window.Returned, lab.Claim{
		Saw:  "there is no queue for order-7",
		Why:  "a typing error in a configuration: RabbitMQ acks the order, and it is nowhere",
		Read: "03-durability/README.md#window",
	})
}

func TestReturnedIsForItsOwnCaller(t *testing.T) {
	judgeReturned(t, amqp.Publishing{Body: []byte("order-1")}, amqp.Publishing{Body: []byte("order-2")},
		"the one whose message is stored is told that it is not, and the other way round")
}

func TestSameIDTwiceIsTwoMessages(t *testing.T) {
	judgeReturned(t,
		amqp.Publishing{MessageId: "order-7", Body: []byte("order-7, first try")},
		amqp.Publishing{MessageId: "order-7", Body: []byte("order-7, second try")},
		"a message that is tried again has the same MessageId, as it should; its first answer may still be to come")
}

// judgeReturned sends one message to the queue and one to nowhere. Both wait for their answers when the return comes.
func judgeReturned(t *testing.T, good, lost amqp.Publishing, why string) {
	t.Helper()
	s := newStage(t, 4)
	heldGood, heldLost := s.hold(string(good.Body)), s.hold(string(lost.Body))
	first := s.sendTo(queue, good)
	s.out(first)
	second := s.sendTo(nowhere, lost)
	s.mustComeBack(1)

	heldGood.Remove()

	claim := lab.Claim{
		Saw:  fmt.Sprintf("%q was acked; %q came back", good.Body, lost.Body),
		Why:  why,
		Read: "03-durability/README.md#window",
	}
	s.mustBe(first, window.Stored, claim)
	heldLost.Remove()
	claim.Saw += ", and then was acked too"
	s.mustBe(second, window.Returned, claim)
}

func TestAWindowOfReturnsHoldsUpNobody(t *testing.T) {
	const n = 8
	s := newStage(t, n)
	held := s.hold()
	var all []*sending
	for i := range n {
		all = append(all, s.sendTo(nowhere, amqp.Publishing{Body: fmt.Append(nil, "order-", i+1)}))
	}
	s.mustComeBack(n)

	held.Remove()

	for _, sent := range all {
		s.mustBe(sent, window.Returned, lab.Claim{
			Saw: "all 8 messages of the window came back, and then were acked",
			Why: "the library has one goroutine that hands out returns and acks: where there is no room for a return it " +
				"stops for 5 seconds, for all, and then throws the return away",
			Read: "03-durability/README.md#window",
		})
	}
}
