package partition_test

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"

	"warren.example/05-ordering/2-partition"
	"warren.example/workshop/broker"
	"warren.example/workshop/lab"
	"warren.example/workshop/tap"
	"warren.example/workshop/wire"
)

const read = "05-ordering/README.md#partition"

// A stage is a broker, and a connection to it.
type stage struct {
	lab     *lab.Lab
	conn    *amqp.Connection
	direct  *amqp.Connection // around the tap, for the tests' own questions; nil until one is asked
	cleanup func(func())
}

// newStage gives a broker on which nothing is declared yet.
func newStage(t *testing.T) *stage {
	t.Helper()
	t.Parallel()
	l := lab.Config{Needs: []broker.Ability{broker.ConsistentHash}}.New(t)
	return &stage{lab: l, conn: l.Dial(), cleanup: t.Cleanup}
}

// newShop gives a broker with n partitions.
func newShop(t *testing.T, n int) *stage {
	t.Helper()
	s := newStage(t)
	s.mustDeclare(n, "nothing was there")
	return s
}

func (s *stage) declare(n int) error {
	return s.lab.Do("Declare", func(context.Context) error { return partition.Declare(s.conn, n) })
}

// mustDeclare is declare where nothing stands in the way. What says what was there before.
func (s *stage) mustDeclare(n int, what string) {
	s.lab.NoError(s.declare(n), lab.Claim{
		Want: fmt.Sprintf("Declare(%d) returns nil: %s", n, what), Wire: s.declarations(), Read: read,
	})
	s.exactly(n, what)
}

// exactly claims that there are n partitions, bound as they should be.
func (s *stage) exactly(n int, what string) {
	bound := s.bound()
	claim := lab.Claim{
		Saw:  fmt.Sprintf("%s; bound to %s are: %s", what, partition.Exchange, strings.Join(bound, ", ")),
		Want: fmt.Sprintf("%d partitions, each once and nothing else, all with the same whole number for a weight", n),
		Why: "a partition with twice the weight gets twice the orders, and its one worker is never done; in one that nobody knows of, " +
			"orders wait for ever",
		Wire: s.declarations(),
		Read: read,
	}
	s.lab.Check(len(bound) == n, claim)
	_, weight, _ := strings.Cut(bound[0], "=")
	_, err := strconv.Atoi(weight)
	s.lab.Check(err == nil, claim)
	for i := range n {
		s.lab.Check(slices.Contains(bound, partition.Queue(i)+"="+weight), claim)
	}
}

// bound returns what is bound to Exchange, and the keys: "order.partition.0=1".
func (s *stage) bound() (all []string) {
	for _, b := range s.lab.Bindings() {
		if b.Source == partition.Exchange {
			all = append(all, b.Destination+"="+b.RoutingKey)
		}
	}
	slices.Sort(all)
	return all
}

// exchanges returns what was declared.
func (s *stage) exchanges() (all []*wire.ExchangeDeclare) {
	for _, e := range s.lab.Tap.Recording().Find(tap.Filter{From: tap.Client, Method: "exchange.declare"}) {
		if x := e.Method.(*wire.ExchangeDeclare); !x.Passive {
			all = append(all, x)
		}
	}
	return all
}

// made returns the names of the queues that Declare has asked for and that are there.
func (s *stage) made() (queues []string) {
	for _, e := range s.lab.Tap.Recording().Find(tap.Filter{From: tap.Client, Method: "queue.declare"}) {
		q := e.Method.(*wire.QueueDeclare)
		if !q.Passive && !slices.Contains(queues, q.Queue) && s.lab.Exists(q.Queue) {
			queues = append(queues, q.Queue)
		}
	}
	return queues
}

// clear deletes all that was declared.
func (s *stage) clear() {
	for _, q := range s.made() {
		s.lab.DeleteQueue(q)
	}
	ch := s.channel()
	defer ch.Close()
	for _, x := range s.exchanges() {
		if err := ch.ExchangeDelete(x.Exchange, false, false); err != nil {
			s.lab.Failf("delete exchange %q: %v", x.Exchange, err)
		}
	}
}

// channel opens one that goes around the tap.
func (s *stage) channel() *amqp.Channel {
	var err error
	if s.direct == nil {
		if s.direct, err = amqp.Dial(s.lab.DirectURL); err != nil {
			s.lab.Failf("dial: %v", err)
		}
		s.cleanup(func() { _ = s.direct.Close() })
	}
	ch, err := s.direct.Channel()
	if err != nil {
		s.lab.Failf("open a channel: %v", err)
	}
	return ch
}

// publish calls Publish where nothing stands in the way, for messages named as messages does it. Their key is the order.
func (s *stage) publish(bodies ...string) {
	for _, body := range bodies {
		order, _, _ := strings.Cut(body, ".")
		err := s.lab.Do("Publish", func(ctx context.Context) error { return partition.Publish(ctx, s.conn, order, []byte(body)) })
		if err != nil {
			s.lab.NoError(err, lab.Claim{Want: "nil: the partitions are there", Wire: s.story(), Read: read})
		}
	}
}

// messages returns the bodies of n messages of an order: "order-1.01", "order-1.02".
func messages(order string, n int) (bodies []string) {
	for i := range n {
		bodies = append(bodies, fmt.Sprintf("%s.%02d", order, i+1))
	}
	return bodies
}

// mixed returns the bodies of n messages of each order, the first ones first.
func mixed(orders []string, n int) (bodies []string) {
	for i := range n {
		for _, order := range orders {
			bodies = append(bodies, messages(order, n)[i])
		}
	}
	return bodies
}

// orderIDs returns "order-1" and so on.
func orderIDs(n int) (ids []string) {
	for i := range n {
		ids = append(ids, fmt.Sprintf("order-%d", i+1))
	}
	return ids
}

// contents takes out all that is in n partitions. Nobody else may consume them. (One that has a single active consumer can't be
// asked by basic.get.)
func (s *stage) contents(n int) [][]amqp.Delivery {
	all := make([][]amqp.Delivery, n)
	for i := range n {
		const last = "the last message"
		s.lab.Publish(partition.Queue(i), last)
		ch := s.channel()
		deliveries, err := ch.Consume(partition.Queue(i), "", true, false, false, false, nil)
		if err != nil {
			s.lab.Failf("consume %s: %v", partition.Queue(i), err)
		}
		s.lab.Await("the end of "+partition.Queue(i), func() bool {
			for {
				select {
				case d := <-deliveries:
					if string(d.Body) == last {
						return true
					}
					all[i] = append(all[i], d)
				default:
					return false
				}
			}
		})
		_ = ch.Close()
	}
	return all
}

// declarations is what went over the wire about queues and exchanges.
func (s *stage) declarations() string {
	return s.about(func(e tap.Event) bool {
		switch e.Name() {
		case "queue.declare", "queue.bind", "queue.unbind", "queue.delete",
			"exchange.declare", "exchange.bind", "exchange.delete", "disconnect":
			return e.From != tap.Broker
		}
		return e.Name() == "channel.close" && e.From == tap.Broker
	})
}

// story is what went over the wire about messages.
func (s *stage) story() string {
	return s.about(func(e tap.Event) bool {
		switch e.Name() {
		case "basic.deliver", "basic.publish", "basic.return", "basic.ack", "basic.nack", "basic.reject", "basic.cancel",
			"note", "disconnect":
			return true
		}
		return e.Name() == "channel.close"
	})
}

func (s *stage) about(is func(tap.Event) bool) string {
	events := s.lab.Tap.Recording().Find(tap.Filter{Where: is})
	return s.lab.Wire(events[max(0, len(events)-8):]...)
}

// nothingStaysOpen claims that no channel is left on a connection that is the caller's.
func (s *stage) nothingStaysOpen(conn *amqp.Connection, when string) {
	s.lab.Check(!conn.IsClosed(), lab.Claim{
		Saw: when + ": the caller's connection is closed", Want: "it stays open: it is the caller's", Wire: s.story(), Read: read,
	})
	s.lab.Fence(conn)
	n := s.lab.OpenChannels(conn)
	s.lab.Check(n == 0, lab.Claim{
		Saw:  fmt.Sprintf("%s, and channels are left open: %d", when, n),
		Want: "none: whoever opens a channel closes it",
		Why:  "after 2,047 messages nothing works any more on this connection",
		Wire: s.story(),
		Read: read,
	})
}

// quiet returns when Work has done all that it was going to do by itself, and RabbitMQ has answered it.
func (s *stage) quiet(conn *amqp.Connection) {
	unanswered := func() (n int) {
		for _, e := range s.lab.Tap.Recording().Find(tap.Filter{}) {
			method, answer := strings.CutSuffix(e.Name(), "-ok")
			switch {
			case !slices.Contains([]string{"channel.open", "channel.close", "basic.qos", "basic.consume", "basic.cancel"}, method):
			case e.Fate == tap.Injected || e.Fate == tap.Dropped: // the tap's own question, and its answer
			case e.From == tap.Client && !answer:
				n++
			case e.From == tap.Broker && answer:
				n--
			}
		}
		return n
	}
	for range 2 { // the first answer may bring about another question
		s.lab.Soon(func() bool {
			s.lab.Settle()
			s.lab.Fence(conn)
			return conn.IsClosed() || unanswered() == 0
		})
	}
	s.lab.Settle()
}
