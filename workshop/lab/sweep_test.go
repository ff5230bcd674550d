package lab_test

import (
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/stretchr/testify/require"

	"warren.example/workshop/lab"
	"warren.example/workshop/tap"
)

// send publishes two messages on a channel of its own, and tells how many were confirmed before something broke.
func send(l *lab.Lab, queue string) (confirmed int) {
	conn, err := amqp.Dial(l.URL)
	if err != nil {
		return 0
	}
	defer conn.Close()
	ch, err := conn.Channel()
	if err != nil || ch.Confirm(false) != nil {
		return 0
	}
	for _, body := range []string{"order-1", "order-2"} {
		c, err := ch.PublishWithDeferredConfirm("", queue, false, false, amqp.Publishing{Body: []byte(body)})
		if err != nil || !c.Wait() {
			return confirmed
		}
		confirmed++
	}
	return confirmed
}

func TestSweepCutsAtEveryUnit(t *testing.T) {
	t.Parallel()
	for _, side := range []tap.Side{tap.Client, tap.Broker} {
		l := lab.New(t)
		var said, names []string
		for step := range l.Sweep(tap.Filter{From: side}, tap.Before) {
			queue := step.Name("orders")
			l.Declare(queue, nil)
			require.False(t, step.Struck())
			step.Begin()
			confirmed := send(l, queue)
			said, names = append(said, step.String()), append(names, queue)
			require.LessOrEqual(t, confirmed, l.Depth(queue), "%s: a confirmed message is not there", step)
		}
		require.Equal(t, "no cut", said[len(said)-1])
		require.Equal(t, 2, l.Depth(names[len(names)-1]))
		require.Equal(t, "orders-3", names[2])
		if side == tap.Client {
			require.Equal(t, "cut before the 1st unit from you (connection.start-ok PLAIN)", said[0])
			require.Contains(t, said, "cut before the 7th unit from you (basic.publish order-2)")
			require.Equal(t, 0, l.Depth(names[5]), "cut before the publish of order-1")
			require.Equal(t, 1, l.Depth(names[6]), "cut before the publish of order-2")
		} else {
			require.Contains(t, said[0], "connection.start")
			require.Contains(t, said, "cut before the 6th unit from broker (ack tag=1)")
			require.Equal(t, 1, l.Depth(names[5]), "cut before the confirm of order-1")
		}
	}
}

func TestSweepCutsAfterUnits(t *testing.T) {
	t.Parallel()
	l := lab.New(t)
	var depths []int
	for step := range l.Sweep(tap.Filter{From: tap.Client, Method: "basic.publish"}, tap.After) {
		queue := step.Name("orders")
		l.Declare(queue, nil)
		step.Begin()
		send(l, queue)
		l.Soon(func() bool { return l.Depth(queue) == min(step.N, 2) })
		depths = append(depths, l.Depth(queue))
		if step.N == 2 {
			require.Equal(t, "cut after the 2nd basic.publish from you (basic.publish order-2)", step.String())
			require.Contains(t, step.Wire(), "publish")
			require.NotContains(t, step.Wire(), "disconnect")
		}
	}
	require.Equal(t, []int{1, 2, 2}, depths)
}

func TestSweepThatGoesWrongSaysSo(t *testing.T) {
	t.Parallel()
	publishes := tap.Filter{From: tap.Client, Method: "basic.publish"}
	tell(t, map[string]story{
		"no Begin": {
			test: func(l *lab.Lab) {
				for range l.Sweep(publishes, tap.Before) {
				}
			},
			says: []string{"step 1 of the sweep is over and Step.Begin was not called"},
		},
		"Begin twice": {
			test: func(l *lab.Lab) {
				for step := range l.Sweep(publishes, tap.Before) {
					step.Begin()
					step.Begin()
				}
			},
			says: []string{"step 1 of the sweep began twice"},
		},
		"no end": {
			test: func(l *lab.Lab) {
				for step := range l.SweepUpTo(tap.Filter{From: tap.Client}, tap.Before, 10) {
					step.Begin()
					for !step.Struck() {
						if conn, err := amqp.Dial(l.URL); err == nil {
							conn.Close()
						}
					}
				}
			},
			says: []string{"the sweep has no end: there was something to cut 10 times"},
		},
		"left early": {test: func(l *lab.Lab) {
			for range l.Sweep(publishes, tap.Before) {
				break
			}
		}},
		"left early, begun": {test: func(l *lab.Lab) {
			for step := range l.Sweep(publishes, tap.Before) {
				step.Begin()
				break
			}
			l.Declare("orders", nil)
			if send(l, "orders") != 2 {
				l.Failf("the rule of the sweep is still there")
			}
		}},
	})
}

// What the test asks after the story is no part of it: in the last step there is still a cut to come.
func TestAStepThatHasEndedCutsNothing(t *testing.T) {
	t.Parallel()
	l := lab.New(t)
	steps := 0
	for step := range l.Sweep(tap.Filter{From: tap.Client, Method: "queue.declare"}, tap.Before) {
		steps++
		step.Begin()
		if steps == 1 {
			_, _ = l.Channel().QueueDeclare(step.Name("orders"), true, false, false, false, nil)
		}
		step.End()
		for range 2 { // the second would be cut in the second step
			_, err := l.Channel().QueueDeclare("afterwards", true, false, false, false, nil)
			require.NoError(t, err, step)
		}
		require.Equal(t, steps == 1, step.Struck())
	}
	require.Equal(t, 2, steps)
}
