package lab

import (
	"context"
	"testing"
	"time"

	"warren.example/workshop/broker"
)

// aMinute is how long a minute of a story takes on a broker whose clock nobody can put forward.
const aMinute = 20 * time.Millisecond

// NewTimed gives the test a broker for a story that takes minutes or hours: a message that expires, a retry that waits.
// Where the broker's clock can be put forward (minirabbit's), the story has its real times and Pass puts it forward. On
// a real broker a minute of the story is 20 milliseconds, and Pass waits for nothing. So a test gives each limit as
// Time, calls Pass when the limit should be over, and then awaits what should have happened:
//
//	l := lab.NewTimed(t)
//	limit := l.Time(15 * time.Minute)
//	l.Declare(queue, amqp.Table{"x-message-ttl": limit.Milliseconds(), …})
//	l.Pass(limit)
//	l.Await("basket-7 is in the queue of late ones", func() bool { return l.Depth("late") == 1 })
//
// What must not happen before the limit can be claimed only where HasClock is true: a real clock goes on by itself.
func NewTimed(t testing.TB) *Lab {
	t.Helper()
	return Config{Timed: true}.New(t)
}

// HasClock tells whether Pass puts the broker's clock forward. It is true on minirabbit for a Lab of NewTimed.
func (l *Lab) HasClock() bool { return l.clock }

// Time returns what a time of the story is on this broker: the same where HasClock, else 20 milliseconds a minute and at
// least one millisecond.
func (l *Lab) Time(d time.Duration) time.Duration {
	if l.clock {
		return d
	}
	return max(time.Millisecond, time.Duration(float64(d)*(float64(aMinute)/float64(time.Minute))))
}

// Pass lets a time pass for the broker. d is as the broker knows it: what Time returned. Where there is no clock to put
// forward it returns at once, for the real one does it anyway.
func (l *Lab) Pass(d time.Duration) {
	l.t.Helper()
	if !l.clock {
		return
	}
	l.look()
	l.Note("%v pass", d)
	ctx, cancel := context.WithTimeout(context.Background(), l.Patience(brokerDeadline))
	defer cancel()
	for _, n := range l.Nodes {
		if err := n.Advance(ctx, d); err != nil {
			l.Failf("lab: put the broker's clock forward: %v", err)
		}
	}
}

// timed asks for a broker of the test's own, for its clock. Where no clock can be put forward, nothing is asked for.
func (c Config) timed(s broker.Source) Config {
	c.Timed = c.Timed && s.Has(broker.Clock)
	if c.Timed {
		c.Needs = append([]broker.Ability{broker.Clock}, c.Needs...)
		if c.Kind == broker.Shared {
			c.Kind = broker.Own
		}
	}
	return c
}
