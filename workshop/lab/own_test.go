package lab_test

import (
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/stretchr/testify/require"

	"warren.example/workshop/broker"
	"warren.example/workshop/lab"
)

// A broker of one's own takes `workshop up`: on another's broker these tests are skipped, and say so.
var own = lab.Config{Kind: broker.Own}

func TestFactsComeBackWithTheBroker(t *testing.T) {
	t.Parallel()
	l := own.New(t)
	l.Declare("orders", nil)
	l.Publish("orders", "order-7")
	conn := l.Dial()

	require.NoError(t, l.Nodes[0].Kill(t.Context()))
	l.Await("the end of the connection", conn.IsClosed)
	require.NoError(t, l.Nodes[0].Start(t.Context()))

	require.Equal(t, "order-7", string(l.Get("orders").Body))
	l.Fence(l.Dial())
}

func TestAClusterHasItsNodes(t *testing.T) {
	t.Parallel()
	l := lab.Config{Kind: broker.Cluster, Nodes: 3}.New(t)
	require.Len(t, l.Nodes, 3)
	l.Declare("orders", amqp.Table{"x-queue-type": "quorum"})
	require.Len(t, l.Queue("orders").Members, 3)

	require.Len(t, l.URLs, 3)
	for i, address := range l.URLs { // each leads to its node, through the tap
		conn, err := amqp.Dial(address)
		require.NoError(t, err)
		require.Equal(t, i, l.Connections()[0].Door)
		require.NoError(t, conn.Close())
		l.Await("the end of the connection", func() bool { return len(l.Connections()) == 0 })
	}

	l.Publish("orders", "order-7")
	require.NoError(t, l.Nodes[0].Kill(t.Context()))
	require.Equal(t, "order-7", string(l.Get("orders").Body), "facts are asked of those that live")
	require.NoError(t, l.Nodes[0].Start(t.Context())) // so that the cluster can serve the next
}

func TestThereMayBeMoreDoorsThanNodes(t *testing.T) {
	t.Parallel()
	l := lab.Config{Doors: 3}.New(t)
	require.Len(t, l.URLs, 3)
	require.Equal(t, l.URL, l.URLs[0])
	l.Tap.RefuseAt(0, true)
	_, err := amqp.Dial(l.URLs[0])
	require.Error(t, err)
	conn, err := amqp.Dial(l.URLs[2])
	require.NoError(t, err)
	require.Len(t, l.Connections(), 1)
	require.NoError(t, conn.Close())
}

func TestABrokerThatIsPausedStopsNoTest(t *testing.T) {
	t.Parallel()
	l := own.New(t)
	l.Declare("orders", nil)
	conn := l.Dial()
	require.NoError(t, l.Nodes[0].Pause(t.Context()))
	defer l.Nodes[0].Resume(t.Context())

	l.Hurry()
	for name, ask := range map[string]func(*lab.Lab){
		"a fact":  func(l *lab.Lab) { l.Depth("orders") },
		"a fence": func(l *lab.Lab) { l.Fence(conn) },
	} {
		f := judge(t, func(t testing.TB) {
			l.Pretend(t)
			ask(l)
		})
		require.True(t, f.Failed(), name)
		require.Contains(t, f.said(), "the broker has not answered within ", name)
	}
	l.Pretend(t)
}
