package minirabbit_test

import (
	"fmt"
	"sync"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/stretchr/testify/require"

	"warren.example/workshop/minirabbit"
)

// What was confirmed is there after the broker died under load, again and again.
func TestNothingConfirmedIsLost(t *testing.T) {
	for name, end := range map[string]func(*minirabbit.Server){"stop": (*minirabbit.Server).Stop, "kill": (*minirabbit.Server).Kill} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			broker := minirabbit.Run(t)
			_, ch := connect(t, broker.URL())
			_, err := ch.QueueDeclare("orders", true, false, false, false, nil)
			require.NoError(t, err)

			confirmed := make(map[string]bool)
			for round := range 5 {
				var publishers sync.WaitGroup
				var mu sync.Mutex // guards confirmed
				enough := make(chan struct{}, 4)
				for p := range 4 {
					c, err := amqp.Dial(broker.URL())
					require.NoError(t, err)
					publishers.Go(func() {
						defer c.Close()
						publishUntilCut(c, fmt.Sprintf("%d-%d", round, p), enough, func(id string) {
							mu.Lock()
							defer mu.Unlock()
							confirmed[id] = true
						})
					})
				}
				for range 4 {
					<-enough
				}
				end(broker)
				publishers.Wait()
				require.NoError(t, broker.Restart())
			}

			_, ch = connect(t, broker.URL())
			for {
				d, ok, err := ch.Get("orders", true)
				require.NoError(t, err)
				if !ok {
					break
				}
				delete(confirmed, string(d.Body))
			}
			require.Empty(t, confirmed)
		})
	}
}

// publishUntilCut publishes messages one by one until the connection is gone, and tells of each that was confirmed. It sends
// to enough after the hundredth.
func publishUntilCut(c *amqp.Connection, prefix string, enough chan<- struct{}, confirmed func(id string)) {
	ch, err := c.Channel()
	if err != nil {
		enough <- struct{}{}
		return
	}
	if err := ch.Confirm(false); err != nil {
		enough <- struct{}{}
		return
	}
	for n := 0; ; n++ {
		if n == 100 {
			enough <- struct{}{}
		}
		id := fmt.Sprintf("%s-%d", prefix, n)
		m := amqp.Publishing{DeliveryMode: amqp.Persistent, Body: []byte(id)}
		confirm, err := ch.PublishWithDeferredConfirm("", "orders", true, false, m)
		if err != nil || !confirm.Wait() {
			return
		}
		confirmed(id)
	}
}

// What the package comment says is missing is refused.
func TestWhatIsMissingIsRefused(t *testing.T) {
	broker := minirabbit.Run(t)
	_, ch := connect(t, broker.URL())
	require.ErrorContains(t, ch.Tx(), "NOT_IMPLEMENTED")
	_, ch = connect(t, broker.URL())
	_, err := ch.QueueDeclare("urgent", true, false, false, false, amqp.Table{"x-max-priority": 5})
	require.ErrorContains(t, err, "NOT_IMPLEMENTED")
}
