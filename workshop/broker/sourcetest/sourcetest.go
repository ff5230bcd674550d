// Package sourcetest holds the promises of broker.Source, Lease and Node as tests, which every source must pass. It tests
// no driver's or pool's inner life; they have tests of their own.
package sourcetest

import (
	"context"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/stretchr/testify/require"

	"warren.example/workshop/broker"
)

// patience is the deadline of each wait. It is long since nothing is proved by its length: a cluster may boot meanwhile.
const patience = 3 * time.Minute

// Run tests a source. It leases one broker of each kind at a time, one after the other, and makes do with few starts. What
// the source has no ability for must be refused. The source stays open.
func Run(t *testing.T, source broker.Source) {
	s := suite{source}
	t.Run("ItsNameNamesItsVersion", s.itsNameNamesItsVersion)
	t.Run("WhatItLacksIsRefused", s.whatItLacksIsRefused)
	t.Run("WhoGivesUpGetsNothing", s.whoGivesUpGetsNothing)
	t.Run("SharedIsOneBrokerForAll", s.sharedIsOneBrokerForAll)
	t.Run("SharedCanNotBeBroken", s.sharedCanNotBeBroken)
	t.Run("AbilitiesAreReal", s.abilitiesAreReal)
	t.Run("Own", s.own)
	t.Run("Cluster", s.cluster)
}

type suite struct{ source broker.Source }

func (s suite) itsNameNamesItsVersion(t *testing.T) {
	require.NotEmpty(t, s.source.Version())
	require.Contains(t, s.source.Name(), s.source.Version())
}

func (s suite) whatItLacksIsRefused(t *testing.T) {
	const nonsense broker.Ability = "telepathy"
	require.False(t, s.source.Has(nonsense))
	for _, kind := range []broker.Kind{broker.Shared, broker.Own, broker.Cluster} {
		_, err := s.source.Lease(deadline(t), broker.Request{Kind: kind, Needs: []broker.Ability{nonsense}})
		var refusal *broker.UnsupportedError
		require.ErrorAs(t, err, &refusal, "%v", kind)
		require.NotEmpty(t, refusal.Source)
	}
}

func (s suite) whoGivesUpGetsNothing(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := s.source.Lease(ctx, broker.Request{})
	require.ErrorIs(t, err, context.Canceled)
}

// lease leases a broker until the end of the test.
func (s suite) lease(t *testing.T, r broker.Request) broker.Lease {
	t.Helper()
	r.For = t.Name()
	lease, err := s.source.Lease(deadline(t), r)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, lease.Release()) })
	return lease
}

// deadline returns a context for one wait.
func deadline(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

// requireUnsupported wants the refusal of an ability.
func requireUnsupported(t *testing.T, err error, ability broker.Ability) {
	t.Helper()
	var refusal *broker.UnsupportedError
	require.ErrorAs(t, err, &refusal)
	require.Equal(t, ability, refusal.Ability)
}

// open opens a connection and a channel on a node until the end of the test.
func open(t *testing.T, n broker.Node) (*amqp.Connection, *amqp.Channel) {
	t.Helper()
	conn, err := amqp.Dial(n.Info().AMQP)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() }) // the node may be dead
	ch, err := conn.Channel()
	require.NoError(t, err)
	return conn, ch
}

// put declares a queue and stores one message in it for good.
func put(t *testing.T, n broker.Node, queue string, arguments amqp.Table, body string) {
	t.Helper()
	_, ch := open(t, n)
	_, err := ch.QueueDeclare(queue, true, false, false, false, arguments)
	require.NoError(t, err)
	require.NoError(t, ch.Confirm(false))
	message := amqp.Publishing{DeliveryMode: amqp.Persistent, Body: []byte(body)}
	confirmation, err := ch.PublishWithDeferredConfirmWithContext(deadline(t), "", queue, true, false, message)
	require.NoError(t, err)
	acked, err := confirmation.WaitContext(deadline(t))
	require.NoError(t, err)
	require.True(t, acked)
}

// requireMessage waits until a queue gives a message, and wants its body.
func requireMessage(t *testing.T, n broker.Node, queue, body string) {
	t.Helper()
	conn, ch := open(t, n)
	defer conn.Close() // a consumer that stays would take later messages
	deliveries, err := ch.ConsumeWithContext(deadline(t), queue, "", true, false, false, false, nil)
	require.NoError(t, err)
	select {
	case d := <-deliveries:
		require.Equal(t, body, string(d.Body))
	case <-deadline(t).Done():
		require.Fail(t, "no message in "+queue)
	}
}
