package minirabbit_test

import (
	"fmt"
	"net"
	"runtime"
	"sync"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/stretchr/testify/require"

	"warren.example/workshop/minirabbit"
)

// deafConn is a socket that its client does not read while the gate is shut.
type deafConn struct {
	net.Conn
	gate sync.RWMutex
}

func (c *deafConn) Read(into []byte) (int, error) {
	c.gate.RLock()
	defer c.gate.RUnlock()
	return c.Conn.Read(into[:min(len(into), 4096)])
}

// A consumer without prefetch that does not read its socket stops nobody, takes no more of its queue than sockets and the
// broker's outbox have room for, and makes the broker hold no message twice.
func TestAConsumerThatDoesNotRead(t *testing.T) {
	const (
		size     = 256 << 10
		messages = 256      // 64 MiB
		most     = 64       // that sockets and outbox hold: 16 MiB
		spare    = 40 << 20 // what publisher, consumers and sockets may take beside the queue, in bytes
	)
	for _, noAck := range []bool{false, true} {
		t.Run(fmt.Sprintf("noAck=%v", noAck), func(t *testing.T) {
			broker := minirabbit.Run(t)
			socket := &deafConn{}
			slow, err := amqp.DialConfig(broker.URL(), amqp.Config{Heartbeat: -1, Dial: func(network, address string) (net.Conn, error) {
				c, err := net.Dial(network, address)
				socket.Conn = c
				return socket, err
			}})
			require.NoError(t, err)
			defer slow.Close()
			ch, err := slow.Channel()
			require.NoError(t, err)
			for _, name := range []string{"slow", "quick"} {
				_, err := ch.QueueDeclare(name, true, false, false, false, nil)
				require.NoError(t, err)
			}
			late, err := ch.Consume("slow", "", noAck, false, false, false, nil)
			require.NoError(t, err)

			_, other := connect(t, broker.URL())
			require.NoError(t, other.Confirm(false))
			prompt, err := other.Consume("quick", "", true, false, false, false, nil)
			require.NoError(t, err)

			heap := liveHeap()
			// A read that waits holds the gate: the first message ends it, and no other begins.
			shut := make(chan struct{})
			go func() {
				socket.gate.Lock()
				close(shut)
			}()
			body := string(make([]byte, size))
			for n := range messages {
				publish(t, other, "slow", body)
				publish(t, other, "quick", fmt.Sprint(n))
				require.Equal(t, fmt.Sprint(n), string(receive(t, prompt).Body))
			}
			<-shut
			facts, _ := broker.Facts().Queue("/", "slow")
			require.GreaterOrEqual(t, facts.Ready, messages-most, "deliveries stop while nobody reads them")
			require.Less(t, liveHeap()-heap, int64(messages*size+spare))

			socket.gate.Unlock()
			for range messages {
				require.Len(t, receive(t, late).Body, size)
			}
		})
	}
}

// liveHeap is how many bytes are in use.
func liveHeap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
