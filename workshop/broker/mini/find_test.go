package mini_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"warren.example/workshop/broker"
	"warren.example/workshop/broker/mini"
	"warren.example/workshop/scratch"
)

// These tests don't run in parallel: they set the environment.

func TestWhereNoBrokerWasGivenThereIsAMinirabbit(t *testing.T) {
	t.Setenv(scratch.EnvDir, t.TempDir())
	t.Setenv(broker.EnvAMQP, "")
	t.Setenv(mini.EnvVersion, "3.10")
	for _, choice := range []string{"", broker.ChoiceAuto, broker.ChoiceMini} {
		t.Setenv(broker.EnvBroker, choice)
		source, err := mini.Find(t.Context())
		require.NoError(t, err)
		require.Equal(t, "3.10.8", source.Version())
		require.True(t, mini.IsInside(source))
		require.True(t, mini.IsStandIn(source.Name()))
		require.NoError(t, source.Close())
	}
}

func TestABrokerThatWasGivenIsTakenInstead(t *testing.T) {
	t.Setenv(scratch.EnvDir, t.TempDir())
	t.Setenv(broker.EnvAMQP, "amqp://127.0.0.1:1/")
	for _, choice := range []string{"", broker.ChoiceExternal} {
		t.Setenv(broker.EnvBroker, choice)
		_, err := mini.Find(t.Context())
		require.ErrorContains(t, err, "nothing listens on 127.0.0.1:1", "it was given: no other stands in for it")
	}
	t.Setenv(broker.EnvBroker, broker.ChoiceUp)
	_, err := mini.Find(t.Context())
	require.ErrorIs(t, err, broker.ErrNone, "it was forced")

	t.Setenv(broker.EnvBroker, broker.ChoiceMini)
	source, err := mini.Find(t.Context())
	require.NoError(t, err)
	require.True(t, mini.IsInside(source))
	require.False(t, mini.IsStandIn("RabbitMQ 4.0.5 (native)"))
}

func TestAWrongEnvironmentIsNoBroker(t *testing.T) {
	t.Setenv(broker.EnvBroker, broker.ChoiceMini)
	for name, value := range map[string]string{mini.EnvVersion: "2.0", mini.EnvHostility: "very"} {
		t.Setenv(name, value)
		source, err := mini.Find(t.Context())
		require.Error(t, err)
		require.Nil(t, source)
		t.Setenv(name, "")
	}
}
