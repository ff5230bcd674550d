package bus_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/stretchr/testify/require"

	"warren.example/06-services/bus"
	"warren.example/06-services/events"
	"warren.example/workshop/lab"
	"warren.example/workshop/tap"
	"warren.example/workshop/wire"
)

const (
	queue  = "inventory.commands"
	parked = "inventory.parked"
)

type handler func(context.Context, []events.Message) []error

func consumer(t *testing.T, l *lab.Lab, topology bus.Topology, handle handler) *bus.Consumer {
	return &bus.Consumer{Config: config(t, l.URL), Queue: queue, Topology: topology, Retry: waits, Workers: 1, Group: 8,
		Handle: handle}
}

func TestAGroupIsWhatIsThere(t *testing.T) {
	t.Parallel()
	l := lab.New(t)
	topology := shop(t, l)
	begun, goOn := make(chan int), make(chan struct{})
	c := consumer(t, l, topology, func(_ context.Context, group []events.Message) []error {
		begun <- len(group)
		<-goOn
		return make([]error, len(group))
	})
	run := l.Go("Run", c.Run)
	publish(t, l, commands(t, 1))
	require.Equal(t, 1, <-begun, "it waits for no others")
	publish(t, l, commands(t, 30))
	l.Await("the next ones are here", func() bool { return l.Unacked(queue) == 16 })
	l.Settle()
	goOn <- struct{}{}
	require.Equal(t, 8, <-begun)
	run.Stop()
	l.WaitFor(tap.Filter{From: tap.Client, Method: "basic.cancel"}, 1)
	goOn <- struct{}{}
	require.NoError(t, run.Wait())
	require.Equal(t, 22, l.Depth(queue), "the rest is back")
	require.Equal(t, 0, l.Unacked(queue))
	acks := l.WaitFor(tap.Filter{From: tap.Client, Method: "basic.ack"}, 2)
	require.Len(t, acks, 2, "one ack for a group")
	qos := l.WaitFor(tap.Filter{Method: "basic.qos"}, 1)
	require.Equal(t, uint16(16), qos[0].Method.(*wire.BasicQos).PrefetchCount)
}

// failing fails at some orders, with an error that it is given, and remembers what it did.
type failing struct {
	handled
	with map[string]error // by correlation
}

func (f *failing) Handle(ctx context.Context, group []events.Message) []error {
	errs := f.handled.Handle(ctx, group)
	for i, m := range group {
		errs[i] = f.with[m.Correlation]
	}
	return errs
}

func TestWhatFailsIsTriedAgainAndParkedInTheEnd(t *testing.T) {
	t.Parallel()
	l := lab.New(t)
	topology := shop(t, l)
	f := &failing{with: map[string]error{
		"order-2": errors.New("no database" + strings.Repeat("!", 2000)),
		"order-3": fmt.Errorf("decode: %w", events.ErrMalformed),
	}}
	publish(t, l, commands(t, 4))
	run := l.Go("Run", consumer(t, l, topology, f.Handle).Run)
	l.Await("two are parked", func() bool { return l.Depth(parked) == 2 })
	require.NoError(t, run.Stopped())

	attempts := make(map[string][]int)
	for _, m := range f.messages() {
		attempts[m.Correlation] = append(attempts[m.Correlation], m.Attempt)
		require.NotContains(t, m.Headers, "x-first-death-queue")
	}
	require.Equal(t, map[string][]int{"order-1": {0}, "order-2": {0, 1, 2, 3}, "order-3": {0}, "order-4": {0}}, attempts)
	dead := map[string]amqp.Delivery{}
	for _, d := range l.Drain(parked) {
		dead[d.CorrelationId] = d
		require.Equal(t, queue, d.Headers["queue"])
		require.Equal(t, uint8(amqp.Persistent), d.DeliveryMode)
		require.Empty(t, d.Expiration)
		require.NotContains(t, d.Headers, "x-death")
	}
	require.Equal(t, int64(4), dead["order-2"].Headers["attempt"])
	require.Len(t, dead["order-2"].Headers["reason"], 1000)
	require.Equal(t, int64(1), dead["order-3"].Headers["attempt"])
	require.Equal(t, "decode: malformed message", dead["order-3"].Headers["reason"])
	for _, q := range topology.Queues {
		require.Zero(t, l.Depth(q.Name), q.Name)
	}
}

func TestWhatCantBeAMessageIsParked(t *testing.T) {
	t.Parallel()
	l := lab.New(t)
	topology := shop(t, l)
	garbage := []amqp.Publishing{
		{},
		{MessageId: "1"},
		{Type: "stock.release"},
		{MessageId: "2", Type: "stock.release", Headers: amqp.Table{"schema-version": "one"}},
		{MessageId: "3", Type: "stock.release", Headers: amqp.Table{"attempt": amqp.Table{"a": []any{int64(1)}}}},
		{MessageId: "4", Type: "stock.release", Headers: amqp.Table{"causation-id": int64(1)}},
		{MessageId: "5", Type: "stock.release", Headers: amqp.Table{"attempt": int64(-1)}},
	}
	for _, m := range garbage {
		l.Put("", queue, m)
	}
	var got handled
	run := l.Go("Run", consumer(t, l, topology, got.Handle).Run)
	l.Await("all are parked", func() bool { return l.Depth(parked) == len(garbage) })
	require.NoError(t, run.Stopped())
	require.Empty(t, got.messages())
}

func TestAHandlerThatIsWrong(t *testing.T) {
	t.Parallel()
	for name, handle := range map[string]func([]events.Message) []error{
		"panics":             func([]events.Message) []error { panic("nil map") },
		"returns too little": func([]events.Message) []error { return nil },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := lab.New(t)
			topology := shop(t, l)
			publish(t, l, commands(t, 3))
			run := l.Go("Run", consumer(t, l, topology, func(_ context.Context, g []events.Message) []error { return handle(g) }).Run)
			l.Await("all are parked", func() bool { return l.Depth(parked) == 3 })
			require.NoError(t, run.Stopped())
		})
	}
}

func TestNoAckBeforeTheCopyIsConfirmed(t *testing.T) {
	t.Parallel()
	l := lab.New(t)
	topology := shop(t, l)
	publish(t, l, commands(t, 1))
	hold := l.Tap.Add(tap.HoldConfirm{})
	f := &failing{with: map[string]error{"order-1": events.ErrMalformed}}
	run := l.Go("Run", consumer(t, l, topology, f.Handle).Run)
	l.Await("the copy is parked", func() bool { return l.Depth(parked) == 1 })
	l.Settle()
	require.Equal(t, 1, l.Unacked(queue))
	hold.Remove()
	l.Await("the message is acked", func() bool { return l.Unacked(queue) == 0 })
	require.NoError(t, run.Stopped())
	require.Zero(t, l.Depth(queue))
}

func TestNobodyAcksWhatAnotherIsAtWorkOn(t *testing.T) {
	t.Parallel()
	l := lab.New(t)
	topology := shop(t, l)
	slow := make(chan struct{})
	var mu sync.Mutex
	done := 0
	c := consumer(t, l, topology, func(_ context.Context, group []events.Message) []error {
		if group[0].Correlation == "order-1" {
			<-slow
		}
		mu.Lock()
		defer mu.Unlock()
		done += len(group)
		return make([]error, len(group))
	})
	c.Workers, c.Group = 2, 1
	run := l.Go("Run", c.Run)
	publish(t, l, commands(t, 5))
	l.Await("all but the first are acked", func() bool { return l.Unacked(queue) == 1 && l.Depth(queue) == 0 })
	l.Tap.CutAll()
	close(slow)
	l.Await("the first comes again", func() bool {
		mu.Lock()
		defer mu.Unlock()
		return done == 6
	})
	l.Await("all are acked", func() bool { return l.Unacked(queue) == 0 })
	require.NoError(t, run.Stopped())
	require.Zero(t, l.Depth(queue))
}

func TestADeletedQueueComesBack(t *testing.T) {
	t.Parallel()
	l := lab.New(t)
	topology := shop(t, l)
	var got handled
	run := l.Go("Run", consumer(t, l, topology, got.Handle).Run)
	l.Await("it consumes", func() bool { return l.Exists(queue) && l.Consumers(queue) == 1 })
	l.DeleteQueue(queue)
	l.Await("it consumes again", func() bool { return l.Exists(queue) && l.Consumers(queue) == 1 })
	publish(t, l, commands(t, 1))
	l.Await("it is handled", func() bool { return len(got.messages()) == 1 })
	require.NoError(t, run.Stopped())
}

func TestACrashLoopEndsParked(t *testing.T) {
	t.Parallel()
	l := lab.New(t)
	topology := shop(t, l)
	publish(t, l, commands(t, 1))
	c := consumer(t, l, topology, func(_ context.Context, group []events.Message) []error {
		l.Tap.CutAll() // as if the process had died
		return make([]error, len(group))
	})
	run := l.Go("Run", c.Run)
	l.Await("RabbitMQ has parked it", func() bool { return l.Depth(parked) == 1 })
	require.NoError(t, run.Stopped())
	all, err := bus.List(t.Context(), config(t, l.DirectURL), parked, 10)
	require.NoError(t, err)
	require.Len(t, all, 1)
	require.Equal(t, []string{queue, "delivery_limit"}, []string{all[0].Queue, all[0].Reason})
}

// The connection is cut at each method of a round: a message is published, fails, is tried again, fails for good and is parked,
// while others are handled. None is lost.
func TestCutAtEachMethodFromTheClient(t *testing.T) { cutEverywhere(t, tap.Client) }
func TestCutAtEachMethodFromTheBroker(t *testing.T) { cutEverywhere(t, tap.Broker) }

func cutEverywhere(t *testing.T, from tap.Side) {
	t.Parallel()
	l := lab.New(t)
	topology := shop(t, l)
	for step := range l.Sweep(tap.Filter{From: from}, tap.Before) {
		all := commands(t, 3)
		f := &failing{with: map[string]error{"order-2": errors.New("no database")}}
		step.Begin()
		require.NoError(t, l.Do("Publish", func(ctx context.Context) error {
			p, err := bus.NewPublisher(config(t, l.URL), 8)
			if err != nil {
				return err
			}
			for left := all; len(left) > 0; {
				var again []events.Message
				for i, err := range p.Publish(ctx, left) {
					if err != nil && ctx.Err() == nil {
						again = append(again, left[i])
					}
				}
				left = again
			}
			return p.Close(ctx)
		}), step)
		c := consumer(t, l, topology, f.Handle)
		c.Retry = waits[:1]
		run := l.Go("Run", c.Run)
		l.Await(fmt.Sprint(step, ": all are handled, one is parked"), func() bool {
			seen := make(map[string]bool)
			for _, m := range f.messages() {
				seen[m.ID] = true
			}
			for _, m := range all { // those of a step before may come back late: RabbitMQ has to notice that a connection is gone
				if !seen[m.ID] {
					return false
				}
			}
			return l.Depth(parked) >= 1 && l.Depth(queue)+l.Depth(queue+".retry.1")+l.Unacked(queue) == 0
		})
		require.NoError(t, run.Stopped(), step)
		step.End()
		for _, d := range l.Drain(parked) {
			require.Equal(t, "order-2", d.CorrelationId, step)
		}
	}
}
