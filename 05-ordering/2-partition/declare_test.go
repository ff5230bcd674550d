package partition_test

import (
	"context"
	"fmt"
	"slices"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"

	"warren.example/05-ordering/2-partition"
	"warren.example/workshop/lab"
	"warren.example/workshop/tap"
)

func TestPartitionsAreEqual(t *testing.T) {
	s := newStage(t)
	for _, n := range []int{0, -1} {
		s.lab.Error(s.declare(n), lab.Claim{
			Saw:  fmt.Sprintf("Declare(%d) returned nil", n),
			Want: "an error: there must be one partition at least",
			Why:  "the service starts, and no message has a place to go",
			Read: read,
		})
	}
	s.mustDeclare(3, "0 and -1 were refused, nothing is there")
	s.nothingStaysOpen(s.conn, "Declare returned")
	s.lab.Publish(partition.Queue(1), "order-7")

	s.mustDeclare(3, "3 were there: every process declares at its start")

	claim := lab.Claim{Want: "it changes nothing", Wire: s.declarations(), Read: read}
	claim.Saw = "order-7 waited in partition 1, Declare was called again, and it is gone"
	claim.Why = "each start of any process throws away what waits"
	s.lab.Check(s.lab.Depth(partition.Queue(1)) == 1, claim)
	claim.Saw = "Declare was called again, and it unbinds partitions, if only for a moment"
	claim.Why = "each start of any process moves the keys of all the others to and fro, and newer messages overtake older ones"
	s.lab.Check(s.lab.Tap.Recording().Count(tap.Filter{From: tap.Client, Method: "queue.unbind"}) == 0, claim)
	for i := range 3 {
		q := s.lab.Queue(partition.Queue(i))
		s.lab.Check(q.Arguments["x-single-active-consumer"] == true, lab.Claim{
			Saw:  fmt.Sprintf("%s was declared with %v", q.Name, q.Arguments),
			Want: "x-single-active-consumer: true",
			Why:  "a second process starts, RabbitMQ gives it every other message, and an order is shipped before it is paid",
			Wire: s.declarations(),
			Read: read,
		})
	}
}

func TestPartitionsKeepWhatWaits(t *testing.T) {
	const looks = 25 // RabbitMQ 4 allows 20 by itself
	s := newShop(t, 2)
	for _, name := range s.made() {
		q := s.lab.Queue(name)
		claim := lab.Claim{
			Saw: fmt.Sprintf("Declare leaves the queue %s: durable %v, exclusive %v, auto-delete %v, %v",
				name, q.Durable, q.Exclusive, q.AutoDelete, q.Arguments),
			Want: "it outlives a restart, and the last consumer",
			Why:  "RabbitMQ is restarted: the orders are gone, or how many partitions there are",
			Wire: s.declarations(),
			Read: read,
		}
		s.lab.Check(q.Durable && !q.Exclusive && !q.AutoDelete && q.Arguments["x-expires"] == nil, claim)
		if name != partition.Queue(0) && name != partition.Queue(1) {
			continue
		}
		claim.Want = "nothing but its consumer takes a message out"
		claim.Why = "on a bad day orders wait long and are many: RabbitMQ throws away the oldest, or all that is older than its time"
		args := q.Arguments
		s.lab.Check(args["x-message-ttl"] == nil && args["x-max-length"] == nil && args["x-max-length-bytes"] == nil, claim)
	}
	err := s.channel().ExchangeDeclarePassive(partition.Exchange, "x-consistent-hash", true, false, false, false, nil)
	s.lab.NoError(err, lab.Claim{Want: partition.Exchange + " is there", Wire: s.declarations(), Read: read})
	for _, x := range s.exchanges() {
		s.lab.Check(x.Durable && !x.AutoDelete && (x.Exchange != partition.Exchange || x.Type == "x-consistent-hash"), lab.Claim{
			Saw: fmt.Sprintf("Declare makes the exchange %s: type %s, durable %v, auto-delete %v",
				x.Exchange, x.Type, x.Durable, x.AutoDelete),
			Want: "a durable one that stays, of type x-consistent-hash",
			Why:  "RabbitMQ is restarted, and every publisher gets a 404",
			Wire: s.declarations(),
			Read: read,
		})
	}

	s.lab.Publish(partition.Queue(0), "order-7")
	ch := s.lab.Channel()
	deliveries, err := ch.Consume(partition.Queue(0), "", false, false, false, false, nil)
	if err != nil {
		s.lab.Failf("consume: %v", err)
	}
	for look := range looks {
		var d amqp.Delivery
		came := s.lab.Soon(func() bool {
			select {
			case d = <-deliveries:
				return true
			default:
				return false
			}
		})
		s.lab.Check(came, lab.Claim{
			Saw:  fmt.Sprintf("order-7 was given back %d times, and does not come again", look),
			Want: "it stays however often it is given back",
			Why: "the warehouse is away for a minute, and order-7 is tried again and again: RabbitMQ 4 throws it away at the 21st " +
				"return, and what comes behind it goes on as if it had been done",
			Wire: s.declarations(),
			Read: read,
		})
		if err := d.Reject(true); err != nil {
			s.lab.Failf("give back: %v", err)
		}
	}
}

func TestAnotherNumberIsRefused(t *testing.T) {
	for _, numbers := range [][2]int{{1, 2}, {3, 2}, {3, 4}} {
		there, other := numbers[0], numbers[1]
		t.Run(fmt.Sprintf("%d are there, %d are wanted", there, other), func(t *testing.T) {
			s := newShop(t, there)
			before := s.bound()
			s.conn = s.lab.Dial() // another process

			err := s.declare(other)

			what := fmt.Sprintf("%d partitions were there, and Declare(%d) was called", there, other)
			claim := lab.Claim{
				Want: "an error, and nothing changes",
				Why: "a version with another number is rolled out: a quarter of the keys move, and an order's newest message is handled " +
					"before the ones that still wait where it was",
				Wire: s.declarations(),
				Read: read,
			}
			claim.Saw = what + fmt.Sprintf("; it returned nil, and bound are %q", s.bound())
			s.lab.Error(err, claim)
			claim.Saw = what + fmt.Sprintf("; it returned an error (%v), and bound are %q", err, s.bound())
			s.lab.Check(slices.Equal(s.bound(), before), claim)
			s.nothingStaysOpen(s.conn, "Declare was refused")
			claim.Saw = fmt.Sprintf("%s; it returned an error (%v), and %s is there", what, err, partition.Queue(there))
			s.lab.Check(!s.lab.Exists(partition.Queue(there)), claim)

			s.conn = s.lab.Dial()
			s.mustDeclare(there, what+" and refused; the processes of before start again")
		})
	}
}

// The connection breaks at the first method of Declare(2), then at the second, and so on.
func TestBrokenOffIsNoMixture(t *testing.T) {
	for _, when := range []tap.When{tap.Before, tap.After} {
		for _, other := range []int{1, 3} {
			t.Run(fmt.Sprintf("cut %s, then %d", when, other), func(t *testing.T) {
				s := newStage(t)
				for step := range s.lab.Sweep(tap.Filter{From: tap.Client}, when) {
					s.clear()
					s.conn = s.lab.Dial()
					step.Begin()

					err := s.declare(2)

					step.End()
					s.lab.Finished(err)
					s.conn = s.lab.Dial()
					what := fmt.Sprintf("%s in Declare(2)", step)
					if err == nil {
						s.exactly(2, what+"; it returned nil")
					}
					s.afterwards(what, 2, other, err == nil)
				}
			})
		}
	}
}

// afterwards claims that who comes next with another number doesn't make a mixture of both. Done: there are n already.
func (s *stage) afterwards(what string, n, other int, done bool) {
	err := s.declare(other)
	claim := lab.Claim{
		Why: "two parts of the shop don't agree on how many partitions there are: orders go where nobody works, or have two places, " +
			"and newer overtakes older",
		Wire: s.declarations(),
		Read: read,
	}
	what += fmt.Sprintf("; then Declare(%d) returned %v", other, err)
	if err != nil {
		// A lock that the dead connection had may be there for a moment more.
		s.lab.Soon(func() bool {
			s.conn = s.lab.Dial()
			err = s.declare(n)
			return err == nil
		})
		what += fmt.Sprintf("; then Declare(%d)", n)
		s.lab.NoError(err, lab.Claim{
			Saw:  fmt.Sprintf("%s returned %v", what, err),
			Want: "nil: it completes what was broken off",
			Why:  "after a crash no process starts any more",
			Wire: s.declarations(),
			Read: read,
		})
		s.exactly(n, what)
		return
	}
	claim.Saw, claim.Want = what, "an error: Declare(2) had returned nil"
	s.lab.Check(!done, claim)
	s.exactly(other, what)
	claim.Saw, claim.Want = what+fmt.Sprintf(", and Declare(%d) after it as well", n), "one of both is refused"
	s.lab.Error(s.declare(n), claim)
	s.exactly(other, what+fmt.Sprintf("; then Declare(%d) was refused", n))
}

// Declare(2) is held up at its first method, then at the second, and so on, and meanwhile Declare(3) runs on another connection.
func TestTwoNumbersAtOnce(t *testing.T) {
	s := newStage(t)
	for nth := 1; ; nth++ {
		s.clear()
		s.conn = s.lab.Dial()
		all := s.lab.Tap.Connections()
		conn, id := s.conn, all[len(all)-1].ID
		hold := s.lab.Tap.Add(tap.Hold{On: tap.Trigger{Filter: tap.Filter{From: tap.Client, Conn: id}, Nth: nth}})
		slow := s.lab.Go("Declare", func(context.Context) error { return partition.Declare(conn, 2) })
		s.lab.Soon(func() bool { return hold.Struck() > 0 || !slow.Running() })
		if hold.Struck() == 0 {
			s.lab.NoError(slow.Wait(), lab.Claim{Want: "nil: nobody was in the way", Wire: s.declarations(), Read: read})
			return
		}
		s.conn = s.lab.Dial()
		second := s.declare(3)
		hold.Remove()
		first := slow.Wait()

		s.lab.Finished(first)
		what := fmt.Sprintf("Declare(2) was held up at its step %d, Declare(3) came in between; they returned %v and %v",
			nth, first, second)
		s.lab.Check(first != nil || second != nil, lab.Claim{
			Saw:  what,
			Want: "one of them is refused",
			Why: "an old and a new version of a service start in the same second: both believe that their number holds, and half of the " +
				"workers never look at a partition that gets orders",
			Wire: s.declarations(),
			Read: read,
		})
		if first == nil {
			s.exactly(2, what)
		}
		if second == nil {
			s.exactly(3, what)
		}
	}
}
