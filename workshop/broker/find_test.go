package broker_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"warren.example/workshop/broker"
	"warren.example/workshop/scratch"
)

// These tests don't run in parallel: they set the environment.

func TestWithoutABrokerTheErrorSaysWhatToType(t *testing.T) {
	t.Setenv(scratch.EnvDir, t.TempDir())
	t.Setenv(broker.EnvAMQP, "")
	for _, choice := range []string{"", broker.ChoiceAuto, broker.ChoiceUp, broker.ChoiceMini} {
		t.Setenv(broker.EnvBroker, choice)
		_, err := broker.Find(t.Context())
		require.ErrorIs(t, err, broker.ErrNone)
		require.ErrorContains(t, err, "go run ./workshop up --mini")
		_, err = broker.URL(t.Context())
		require.ErrorIs(t, err, broker.ErrNone)
	}
}

func TestTheChoiceIsForced(t *testing.T) {
	t.Setenv(scratch.EnvDir, t.TempDir())
	t.Setenv(broker.EnvAMQP, "amqp://127.0.0.1:1/")
	t.Setenv(broker.EnvBroker, "up")
	_, err := broker.Find(t.Context())
	require.ErrorIs(t, err, broker.ErrNone, "the URL is not used")

	for _, choice := range []string{"", "auto", "external"} {
		t.Setenv(broker.EnvBroker, choice)
		_, err = broker.Find(t.Context())
		require.ErrorContains(t, err, "nothing listens on 127.0.0.1:1")
		_, err = broker.URL(t.Context())
		require.ErrorContains(t, err, "nothing listens on 127.0.0.1:1")
	}
	t.Setenv(broker.EnvBroker, broker.ChoiceMini)
	_, err = broker.URL(t.Context())
	require.ErrorIs(t, err, broker.ErrNone, "nobody else reaches a minirabbit that lives in a test")

	t.Setenv(broker.EnvAMQP, "")
	t.Setenv(broker.EnvBroker, "external")
	_, err = broker.Find(t.Context())
	require.ErrorContains(t, err, broker.EnvAMQP)
}

func TestAnUnknownChoiceIsRefused(t *testing.T) {
	t.Setenv(broker.EnvBroker, "kafka")
	_, err := broker.Find(t.Context())
	require.ErrorContains(t, err, `"kafka"`)
	require.ErrorContains(t, err, "auto, external, up or mini")
}

func TestARequestNeedsWhatItsKindImplies(t *testing.T) {
	t.Parallel()
	some := []broker.Ability{broker.Alarms}
	require.Equal(t, some, broker.Request{Needs: some}.Required())
	require.Equal(t, []broker.Ability{broker.Breakable, broker.Alarms},
		broker.Request{Kind: broker.Own, Needs: some}.Required())
	require.Equal(t, []broker.Ability{broker.Breakable, broker.Clustered, broker.Alarms},
		broker.Request{Kind: broker.Cluster, Needs: some}.Required())
}

func TestAKindIsReadableInJSON(t *testing.T) {
	t.Parallel()
	for _, kind := range []broker.Kind{broker.Shared, broker.Own, broker.Cluster} {
		raw, err := json.Marshal(kind)
		require.NoError(t, err)
		require.Equal(t, `"`+kind.String()+`"`, string(raw))
		var back broker.Kind
		require.NoError(t, json.Unmarshal(raw, &back))
		require.Equal(t, kind, back)
	}
	require.Error(t, json.Unmarshal([]byte(`"all"`), new(broker.Kind)))
}
