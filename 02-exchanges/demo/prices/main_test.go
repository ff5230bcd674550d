package main

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"warren.example/workshop/broker"
	"warren.example/workshop/lab"
)

// use makes the demo use the test's virtual host.
func use(t *testing.T) {
	t.Helper()
	l := lab.New(t)
	t.Setenv(broker.EnvBroker, "external")
	t.Setenv(broker.EnvAMQP, l.DirectURL)
}

func TestInstancesThatShareAQueueShareThePrices(t *testing.T) {
	use(t)
	var out bytes.Buffer
	require.NoError(t, run(t.Context(), nil, &out, &out))
	require.Contains(t, out.String(), "catalog 1 sells for  tea  4.40   cup  7.00   pot 28.00")
	require.Contains(t, out.String(), "3 of 6 prices are stale")
}

func TestAQueueForEachInstanceBringsAllPrices(t *testing.T) {
	use(t)
	var out bytes.Buffer
	require.NoError(t, run(t.Context(), []string{"-own"}, &out, &out))
	require.Contains(t, out.String(), "0 of 6 prices are stale")
}
