package quorum_test

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"

	"warren.example/03-durability/6-quorum"
	"warren.example/workshop/lab"
	"warren.example/workshop/tap"
)

// isNil claims that Publish returned nil.
func (s *stage) isNil(err error, why string) {
	s.lab.NoError(err, lab.Claim{
		Want: "nil: there is a node that takes the messages",
		Why:  why,
		Wire: s.confirms(),
		Read: "03-durability/README.md#quorum",
	})
}

// holds claims that the queue has order-1 to order-n.
func (s *stage) holds(n int) {
	got := s.stored()
	s.lab.Check(slices.Equal(once(got), ids(n)), lab.Claim{
		Saw:  fmt.Sprintf("Publish returned nil, and the queue has %v", got),
		Want: fmt.Sprintf("%v, in this order, whatever else may be there twice", ids(n)),
		Why:  "what is missing is lost, what has another id is done twice, and what overtakes is undone by what it overtook",
		Wire: s.confirms(),
		Read: "03-durability/README.md#quorum",
	})
}

func TestAllMessagesAreStored(t *testing.T) {
	s := withQueue(t)

	s.isNil(s.publish(5).Wait(), "the shop says that it can't take orders")

	got := s.lab.Drain(queue)
	for i, m := range got {
		s.lab.Check(i < 5 && m.MessageId == messages(5)[i].ID && string(m.Body) == string(messages(5)[i].Body), lab.Claim{
			Saw:  fmt.Sprintf("message %d in the queue has the id %q and the body %q", i+1, m.MessageId, m.Body),
			Want: "five messages as they went in, in their order",
			Wire: s.confirms(),
		})
		s.lab.Check(m.Expiration == "", lab.Claim{
			Saw:  fmt.Sprintf("%s expires after %s ms", m.MessageId, m.Expiration),
			Want: "no expiration",
			Why:  "the inventory is down for a weekend: the orders get too old, and RabbitMQ throws them away, on all nodes",
		})
	}
	s.lab.Check(len(got) == 5, lab.Claim{
		Saw: fmt.Sprintf("Publish returned nil for five messages, and the queue has %d", len(got)), Want: "all five, once",
		Wire: s.confirms(),
	})
	s.lab.Check(s.asked() == 1, lab.Claim{
		Saw:  fmt.Sprintf("all nodes live, and Publish made %d connections", s.asked()),
		Want: "one: any node takes messages for any queue",
		Why:  "a connection costs the broker memory, and its maker several round trips",
		Wire: s.told("connect"),
	})
	tidy := s.lab.Soon(func() bool { return len(s.lab.Connections()) == 0 })
	s.lab.Check(tidy, lab.Claim{
		Saw:  "Publish returned nil, and left its connection open",
		Want: "who opens a connection closes it",
		Why:  "each batch leaves one behind, until no service can connect any more",
	})
}

func TestDeadNodeIsPassedOver(t *testing.T) {
	s := withQueue(t)
	s.lab.Tap.RefuseAt(0, true)
	s.lab.Tap.RefuseAt(1, true)

	s.isNil(s.publish(3).Wait(), "one machine is down for an update, and the shop with it, though two others would serve")

	s.lab.Check(s.pauses.Load() == 0, lab.Claim{
		Saw:  fmt.Sprintf("two nodes were dead and one lives, and Pause was called %d times", s.pauses.Load()),
		Want: "the next node at once: Pause is for when none of them works",
		Why:  "each order waits, though there is a node that would take it",
	})
	s.holds(3)
}

func TestNodeLostOnTheWay(t *testing.T) {
	s := withQueue(t)
	call, release := s.stuck(s.publisher(), tap.HoldConfirm{On: from(4)})
	s.lab.Note("node 1 dies: order-4 is stored, and its confirm is lost")
	s.lab.Tap.RefuseAt(0, true)
	release()

	s.isNil(call.Wait(), "the node that the shop talks to dies, and orders are given up that two others would take")

	s.holdsAfterLoss(6)
}

// holdsAfterLoss is holds, and claims that nothing was sent again that was confirmed.
func (s *stage) holdsAfterLoss(n int) {
	at := s.confirmed()
	for _, e := range s.lab.Tap.Recording().Find(tap.Filter{From: tap.Client, Method: "basic.publish"}) {
		s.lab.Check(id(e) == order(e), lab.Claim{
			Saw:  fmt.Sprintf("%s was published as %q", order(e), id(e)),
			Want: "the id that it came with, each time",
			Why: "order-4 was stored, only its confirm was lost. Its second copy has another name: nobody sees that it is " +
				"one, and it is packed twice",
			Wire: s.confirms(),
			Read: "03-durability/README.md#quorum",
		})
		stored := at[order(e)]
		s.lab.Check(stored == 0 || e.Seq < stored, lab.Claim{
			Saw:  order(e) + " was confirmed, a node died, and it was published again",
			Want: "only what is not confirmed is sent again",
			Why:  "each death of a node doubles all that was stored before it, and somebody has to throw that away",
			Wire: s.confirms(),
			Read: "03-durability/README.md#quorum",
		})
	}
	s.holds(n)
}

func TestFirstNodeComesBack(t *testing.T) {
	s := withQueue(t)
	call, release := s.stuck(s.publisher(), tap.Hold{On: from(4)})
	s.lab.Tap.RefuseAt(1, true)
	s.lab.Tap.RefuseAt(2, true)
	s.lab.Note("nodes 2 and 3 are dead; node 1 loses its connections and what was on the way, and lives")
	s.lab.Tap.CutAll()
	release()

	s.isNil(call.Wait(), "nodes are updated one after another, and the shop gives up when it has reached the end of its list, "+
		"while the first is long back")

	s.lab.Check(s.pauses.Load() == 0, lab.Claim{
		Saw: fmt.Sprintf("node 1 confirmed three orders and was lost, nodes 2 and 3 failed, and Pause was called %d times",
			s.pauses.Load()),
		Want: "node 1 again, at once: two nodes have failed since something was confirmed, not three",
		Why:  "where nodes come and go, but something is confirmed in between, Pause gives up what works",
		Wire: s.confirms(),
		Read: "03-durability/README.md#quorum",
	})
	s.holdsAfterLoss(6)
}

func TestNilMeansAllConfirmed(t *testing.T) {
	s := withQueue(t)
	held := s.lab.Tap.Add(tap.HoldConfirm{On: the(2)})

	call := s.publish(5)
	s.allBut("order-2", call, held)

	s.lab.Check(call.Running(), lab.Claim{
		Saw:  "RabbitMQ has not confirmed order-2, and Publish has returned",
		Want: "Publish waits for the confirm of each message",
		Why:  "a node dies, what it had not passed on yet is gone, and the shop believes that it is on three disks",
		Wire: s.confirms(),
		Read: "03-durability/README.md#confirm",
	})
	held.Remove()
	s.isNil(call.Wait(), "slow confirms are taken for lost ones")
	s.holds(5)
}

func TestNackedMessageIsSentAgain(t *testing.T) {
	s := withQueue(t)
	refused := s.lab.Tap.Add(tap.Refuse{On: the(3)})

	err := s.publish(5).Wait()

	s.isNil(err, "the queue has no leader for a second, RabbitMQ nacks what comes meanwhile, and the shop gives its orders up")
	s.lab.Check(refused.Struck() > 0, lab.Claim{Saw: "Publish never sent order-3", Want: "all five", Wire: s.confirms()})
	got := once(s.stored())
	slices.Sort(got)
	s.lab.Check(slices.Equal(got, ids(5)), lab.Claim{
		Saw:  fmt.Sprintf("RabbitMQ refused order-3 (basic.nack), Publish returned nil, and the queue has %v", got),
		Want: "all five: a nack says that RabbitMQ doesn't have the message",
		Why:  "while the queue elects a leader nothing is stored, and the shop is told that all is well",
		Wire: s.confirms(),
		Read: "03-durability/README.md#confirm",
	})
}

// askedOnce claims that no other node was asked.
func (s *stage) askedOnce(what string) {
	s.lab.Check(s.asked() == 1, lab.Claim{
		Saw:  fmt.Sprintf("%s, and Publish asked %d times", what, s.asked()),
		Want: "one connection: the nodes are one broker, another says the same",
		Why:  "what can never work is tried again and again, by each service, and what is wrong comes out late",
		Wire: s.told("connect", "basic.publish", "basic.nack", "basic.return", "connection.close", "channel.close"),
		Read: "03-durability/README.md#quorum",
	})
}

func TestMissingQueueIsAnError(t *testing.T) {
	s := newStage(t, doors) // nobody has declared the queue

	claim := lab.Claim{
		Want: "an error: there is no queue " + queue,
		Why:  "RabbitMQ acks what no queue takes: the orders are confirmed, and thrown away",
		Read: "03-durability/README.md#quorum",
	}
	claim.Saw = "there is no queue, and Publish goes on for ever"
	err := s.publish(3).WaitOr(claim)
	claim.Saw = "there is no queue, and Publish returned nil"
	claim.Wire = s.confirms()
	s.lab.Error(err, claim)
	s.askedOnce("there is no queue")
}

func TestRefusedUserIsAnError(t *testing.T) {
	s := withQueue(t)
	var urls []string
	for _, address := range s.lab.URLs {
		u, err := url.Parse(address)
		if err != nil {
			s.lab.Failf("%v", err)
		}
		u.User = url.UserPassword(u.User.Username(), "of last year")
		urls = append(urls, u.String())
	}

	claim := lab.Claim{
		Want: "an error that wraps RabbitMQ's *amqp.Error, with code 403",
		Why:  "the password was changed, and nobody is told, while the service knocks at one node after another",
		Read: "03-durability/README.md#quorum",
	}
	call := s.publishBy(quorum.Publisher{URLs: urls, Pause: s.pause}, 3)
	for range 4 { // RabbitMQ takes its time to hang up: three seconds, and more on a slow machine
		if s.lab.Soon(func() bool { return !call.Running() || s.asked() > 1 }) {
			break
		}
	}
	if call.Running() {
		s.askedOnce("the password is wrong")
	}
	claim.Saw = "the password is wrong, and Publish goes on for ever"
	err := call.WaitOr(claim)
	claim.Saw = "the password is wrong, and Publish returned nil"
	s.lab.Error(err, claim)
	var refusal *amqp.Error
	claim.Saw = fmt.Sprintf("the password is wrong, and Publish's error doesn't say so: %v", err)
	s.lab.Check(errors.As(err, &refusal) && refusal.Code == amqp.AccessRefused, claim)
	s.askedOnce("the password is wrong")
}

func TestPauseDecidesWhenToGiveUp(t *testing.T) {
	s := withQueue(t)
	s.lab.Tap.Refuse(true)

	claim := lab.Claim{
		Want: fmt.Sprintf("Pause is called after each round; it returns an error at its call %d, and Publish returns that", enough),
		Why: "no node can be reached: who never waits burns the processor and floods the network just when all come back; who " +
			"never gives up can't tell the customer",
		Read: "03-durability/README.md#quorum",
	}
	claim.Saw = "no node can be reached, and Publish goes on for ever"
	err := s.publish(3).WaitOr(claim)
	claim.Saw = "no node can be reached, and Publish returned nil"
	s.lab.Error(err, claim)
	claim.Saw = fmt.Sprintf("no node can be reached, Pause was called %d times, and Publish returned: %v", s.pauses.Load(), err)
	s.lab.Check(errors.Is(err, errEnough), claim)
	s.lab.Check(s.asked() == enough*len(s.lab.URLs), lab.Claim{
		Saw:  fmt.Sprintf("Pause was called %d times, and Publish knocked %d times at three dead nodes", enough, s.asked()),
		Want: "at each once, then a pause",
		Why:  "a pause after each node that is dead makes the living one wait",
		Read: "03-durability/README.md#quorum",
	})
}

func TestEndOfCtxEndsIt(t *testing.T) {
	s := withQueue(t)
	held := s.lab.Tap.Add(tap.HoldConfirm{On: from(1)})

	call := s.publish(3)
	s.struck(call, held)
	call.Stop()

	claim := lab.Claim{
		Want: "an error that wraps ctx's",
		Why:  "two of three nodes are dead, no confirm comes, and the service can't be stopped",
		Read: "03-durability/README.md#confirm",
	}
	claim.Saw = "ctx ended, and Publish goes on waiting for confirms"
	err := call.WaitOr(claim)
	claim.Saw = fmt.Sprintf("ctx ended before a confirm came, and Publish returned: %v", err)
	claim.Wire = s.confirms()
	s.lab.Check(errors.Is(err, context.Canceled), claim)
	s.lab.Check(s.asked() == 1, lab.Claim{
		Saw:  fmt.Sprintf("ctx ended, and Publish made %d connections in all", s.asked()),
		Want: "one: no other node is asked any more",
		Why:  "the service is to stop, and goes through all nodes first, dead ones too",
		Read: "03-durability/README.md#quorum",
	})
}
