package minirabbit_test

import (
	"fmt"
	"runtime"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/stretchr/testify/require"

	"warren.example/workshop/minirabbit"
)

// A thousand clients at once each get what is theirs, and nothing is left of them.
func TestAThousandConnections(t *testing.T) {
	if testing.Short() {
		t.Skip("needs 2,000 sockets")
	}
	broker := minirabbit.Run(t)
	const clients = 1000
	before := runtime.NumGoroutine()
	var connections []*amqp.Connection
	for n := range clients {
		c, err := amqp.DialConfig(broker.URL(), amqp.Config{Heartbeat: -1})
		require.NoError(t, err)
		connections = append(connections, c)
		ch, err := c.Channel()
		require.NoError(t, err)
		_, err = ch.QueueDeclare(fmt.Sprint("q", n), false, false, true, false, nil)
		require.NoError(t, err)
		deliveries, err := ch.Consume(fmt.Sprint("q", n), "", true, true, false, false, nil)
		require.NoError(t, err)
		require.NoError(t, ch.Publish("", fmt.Sprint("q", n), false, false, amqp.Publishing{Body: []byte(fmt.Sprint(n))}))
		require.Equal(t, fmt.Sprint(n), string(receive(t, deliveries).Body))
	}
	facts := broker.Facts()
	require.Len(t, facts.Connections, clients)
	require.Equal(t, clients, facts.Channels)
	t.Logf("%d goroutines for each connection, the client's included", (runtime.NumGoroutine()-before)/clients)
	for _, c := range connections {
		require.NoError(t, c.Close())
	}
	broker.Stop()
	require.Empty(t, broker.Facts().Connections)
	require.Empty(t, broker.Facts().Queues)
}
