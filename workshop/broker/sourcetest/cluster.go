package sourcetest

import (
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/stretchr/testify/require"

	"warren.example/workshop/broker"
)

// cluster proves that three nodes are one broker: a message that was confirmed by one of them survives its death.
func (s suite) cluster(t *testing.T) {
	if !s.source.Has(broker.Clustered) {
		_, err := s.source.Lease(deadline(t), broker.Request{Kind: broker.Cluster})
		var refusal *broker.UnsupportedError
		require.ErrorAs(t, err, &refusal)
		return
	}
	lease := s.lease(t, broker.Request{Kind: broker.Cluster})
	nodes := lease.Nodes()
	require.Len(t, nodes, 3)
	require.NotEqual(t, nodes[0].Info().AMQP, nodes[1].Info().AMQP)
	require.NotEqual(t, nodes[1].Info().AMQP, nodes[2].Info().AMQP)

	const queue = "sourcetest.quorum"
	put(t, nodes[0], queue, amqp.Table{amqp.QueueTypeArg: amqp.QueueTypeQuorum}, "on most nodes")
	require.NoError(t, nodes[0].Kill(deadline(t)))
	requireMessage(t, nodes[1], queue, "on most nodes")

	put(t, nodes[2], queue, amqp.Table{amqp.QueueTypeArg: amqp.QueueTypeQuorum}, "while one is dead")
	require.NoError(t, nodes[0].Start(deadline(t)))
	requireMessage(t, nodes[0], queue, "while one is dead")
	require.NoError(t, lease.Release())
	require.NoError(t, lease.Release(), "releasing twice is fine")
}
