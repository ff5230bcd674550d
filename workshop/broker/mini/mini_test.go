package mini_test

import (
	"fmt"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/stretchr/testify/require"

	"warren.example/workshop/broker"
	"warren.example/workshop/broker/mini"
	"warren.example/workshop/broker/sourcetest"
	"warren.example/workshop/port"
)

func newSource(t *testing.T, o mini.Options) *mini.Source {
	t.Helper()
	source, err := mini.New(o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, source.Close()) })
	return source
}

func TestItKeepsThePromisesOfASource(t *testing.T) {
	for _, o := range []mini.Options{{}, {Version: "3.10"}, {Version: "4.3"}, {Hostility: 7}} {
		source := newSource(t, o)
		t.Run(source.Name(), func(t *testing.T) { sourcetest.Run(t, source) })
	}
}

func TestTheNameTellsWhatItIs(t *testing.T) {
	require.Equal(t, "minirabbit 4.0.5 (stand-in)", newSource(t, mini.Options{}).Name())
	require.Equal(t, "minirabbit 3.10.8 (stand-in, hostile 7)", newSource(t, mini.Options{Version: "3.10", Hostility: 7}).Name())
	_, err := mini.New(mini.Options{Version: "2.0"})
	require.ErrorContains(t, err, "3.10, 4.0 or 4.3")
}

func TestTheSharedBrokerTakesTheWantedPorts(t *testing.T) {
	var allocator port.Allocator
	ports, err := allocator.Ports(port.Set{})
	require.NoError(t, err)
	lease, err := newSource(t, mini.Options{Ports: ports}).Lease(t.Context(), broker.Request{})
	require.NoError(t, err)
	require.Contains(t, lease.Nodes()[0].Info().AMQP, fmt.Sprintf(":%d/", ports.AMQP))
}

func TestCloseEndsAllBrokers(t *testing.T) {
	source := newSource(t, mini.Options{})
	shared, err := source.Lease(t.Context(), broker.Request{})
	require.NoError(t, err)
	own, err := source.Lease(t.Context(), broker.Request{Kind: broker.Own})
	require.NoError(t, err)
	require.NoError(t, source.Close())
	for _, lease := range []broker.Lease{shared, own} {
		_, err := amqp.Dial(lease.Nodes()[0].Info().AMQP)
		require.Error(t, err)
		require.NoError(t, lease.Release())
	}
	require.ErrorIs(t, own.Nodes()[0].Start(t.Context()), broker.ErrClosed)
	_, err = source.Lease(t.Context(), broker.Request{})
	require.ErrorIs(t, err, broker.ErrClosed)
}

func TestTheEnvironmentChooses(t *testing.T) {
	t.Setenv(mini.EnvVersion, "4.3")
	t.Setenv(mini.EnvHostility, "12")
	o, err := mini.FromEnvironment()
	require.NoError(t, err)
	require.Equal(t, mini.Options{Version: "4.3", Hostility: 12}, o)
	t.Setenv(mini.EnvHostility, "very")
	_, err = mini.FromEnvironment()
	require.ErrorContains(t, err, mini.EnvHostility)
}
