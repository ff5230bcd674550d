package minirabbit_test

import (
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/stretchr/testify/require"

	"warren.example/workshop/management"
	"warren.example/workshop/minirabbit"
)

const members = 3

func runCluster(t *testing.T) []*minirabbit.Server {
	t.Helper()
	nodes, err := minirabbit.StartCluster(members, func(int) []minirabbit.Option {
		return []minirabbit.Option{minirabbit.WithManagement("")}
	})
	require.NoError(t, err)
	t.Cleanup(func() {
		for _, n := range nodes {
			require.NoError(t, n.Close())
		}
	})
	return nodes
}

func quorum(t *testing.T, ch *amqp.Channel, name string) {
	t.Helper()
	_, err := ch.QueueDeclare(name, true, false, false, false, amqp.Table{"x-queue-type": "quorum"})
	require.NoError(t, err)
}

func ask(t *testing.T, n *minirabbit.Server, queue string) management.Queue {
	t.Helper()
	api, err := management.New(n.ManagementURL())
	require.NoError(t, err)
	q, err := api.Queue(t.Context(), "/", queue)
	require.NoError(t, err)
	return q
}

func TestAClusterOutlivesANode(t *testing.T) {
	nodes := runCluster(t)
	first, ch := connect(t, nodes[0].URL())
	lost := first.NotifyClose(make(chan *amqp.Error, 1))
	quorum(t, ch, "orders")
	require.NoError(t, ch.Confirm(false))
	publish(t, ch, "orders", "order-7")
	q := ask(t, nodes[1], "orders")
	require.Equal(t, nodes[0].Node(), q.Leader, "client-local")
	require.Len(t, q.Members, members)

	other, _ := connect(t, nodes[1].URL())
	nodes[0].Kill()
	<-lost
	require.False(t, other.IsClosed(), "clients of other nodes go on")
	_, err := amqp.Dial(nodes[0].URL())
	require.Error(t, err)
	q = ask(t, nodes[1], "orders")
	require.Equal(t, nodes[1].Node(), q.Leader)
	require.Equal(t, []string{nodes[1].Node(), nodes[2].Node()}, q.Online)

	require.NoError(t, nodes[0].Restart())
	_, ch = connect(t, nodes[0].URL())
	m, ok, err := ch.Get("orders", true)
	require.NoError(t, err)
	require.True(t, ok)
	require.Equal(t, "order-7", string(m.Body))
}

// Half of the nodes decide nothing: nobody is told that a message is safe.
func TestAMinorityHangs(t *testing.T) {
	nodes := runCluster(t)
	conn, ch := connect(t, nodes[0].URL())
	quorum(t, ch, "orders")
	require.NoError(t, ch.Confirm(false))
	nodes[1].Kill()
	publish(t, ch, "orders", "two are enough")
	nodes[2].Stop()
	confirm, err := ch.PublishWithDeferredConfirm("", "orders", false, false, amqp.Publishing{Body: []byte("one is not")})
	require.NoError(t, err)
	require.Equal(t, 1, depth(t, nodes[0], "orders"))

	require.NoError(t, nodes[1].Restart())
	require.True(t, confirm.Wait())
	require.Equal(t, 2, depth(t, nodes[1], "orders"))
	require.False(t, conn.IsClosed())
}

func TestAPausedNodeHangsAlone(t *testing.T) {
	nodes := runCluster(t)
	_, ch := connect(t, nodes[1].URL())
	nodes[0].Pause()
	quorum(t, ch, "orders")
	nodes[0].Resume()
	_, ch = connect(t, nodes[0].URL())
	quorum(t, ch, "orders")
}

func TestAllNodesDeadIsTheEndOfTheBroker(t *testing.T) {
	nodes := runCluster(t)
	_, ch := connect(t, nodes[0].URL())
	quorum(t, ch, "orders")
	require.NoError(t, ch.ExchangeDeclare("transient", "fanout", false, false, false, false, nil))
	for _, n := range nodes {
		n.Kill()
	}
	for _, n := range nodes {
		require.NoError(t, n.Restart())
	}
	_, ch = connect(t, nodes[2].URL())
	_, err := ch.QueueDeclarePassive("orders", true, false, false, false, nil)
	require.NoError(t, err)
	require.Error(t, ch.ExchangeDeclarePassive("transient", "fanout", false, false, false, false, nil))
}

func TestWhatAClusterDoesNotImitateIsRefused(t *testing.T) {
	nodes := runCluster(t)
	conn, ch := connect(t, nodes[0].URL())
	_, err := ch.QueueDeclare("mine", false, true, true, false, nil)
	require.NoError(t, err, "it goes with its connection")
	_, err = ch.QueueDeclare("classic", true, false, false, false, nil)
	require.ErrorContains(t, err, "classic queues in a cluster")
	require.Eventually(t, conn.IsClosed, patience, time.Millisecond)

	_, err = minirabbit.StartCluster(members, func(int) []minirabbit.Option {
		return []minirabbit.Option{minirabbit.WithFolder(t.TempDir())}
	})
	require.Error(t, err)
}

func TestAQueueMayHaveFewerCopies(t *testing.T) {
	nodes := runCluster(t)
	_, ch := connect(t, nodes[1].URL())
	_, err := ch.QueueDeclare("alone", true, false, false, false,
		amqp.Table{"x-queue-type": "quorum", "x-quorum-initial-group-size": 1})
	require.NoError(t, err)
	require.Equal(t, []string{nodes[1].Node()}, ask(t, nodes[0], "alone").Members)
}

func depth(t *testing.T, n *minirabbit.Server, queue string) int {
	t.Helper()
	q, ok := n.Facts().Queue("/", queue)
	require.True(t, ok)
	return q.Ready
}
