package sourcetest

import (
	"io"
	"net"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"warren.example/workshop/broker"
	"warren.example/workshop/management"
)

func (s suite) sharedIsOneBrokerForAll(t *testing.T) {
	one := s.lease(t, broker.Request{})
	two := s.lease(t, broker.Request{})
	require.NotEmpty(t, one.Nodes())
	require.Equal(t, one.Nodes()[0].Info(), two.Nodes()[0].Info())
	require.Equal(t, s.source.Version(), one.Nodes()[0].Info().Version)
	require.NoError(t, one.Release())
	require.NoError(t, one.Release(), "releasing twice is fine")
	open(t, two.Nodes()[0]) // one's release is not the end for two
}

func (s suite) sharedCanNotBeBroken(t *testing.T) {
	n := s.lease(t, broker.Request{}).Nodes()[0]
	ctx := deadline(t)
	requireUnsupported(t, n.Kill(ctx), broker.Breakable)
	requireUnsupported(t, n.Stop(ctx), broker.Breakable)
	requireUnsupported(t, n.Start(ctx), broker.Breakable)
	requireUnsupported(t, n.Pause(ctx), broker.Breakable)
	requireUnsupported(t, n.Resume(ctx), broker.Breakable)
	requireUnsupported(t, n.Alarm(ctx, true), broker.Alarms)
	requireUnsupported(t, n.Advance(ctx, time.Hour), broker.Clock)
	open(t, n)
}

// abilitiesAreReal looks for what the source says its brokers have. Breakable, Clustered, Alarms and Clock are tried in
// Own and Cluster.
func (s suite) abilitiesAreReal(t *testing.T) {
	n := s.lease(t, broker.Request{}).Nodes()[0]
	info := n.Info()
	if s.source.Has(broker.Management) {
		client, err := management.New(info.Management)
		require.NoError(t, err)
		overview, err := client.Overview(deadline(t))
		require.NoError(t, err)
		require.Equal(t, s.source.Version(), overview.Version)
	}
	if s.source.Has(broker.Prometheus) {
		client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
		response, err := client.Get(info.Prometheus)
		require.NoError(t, err)
		defer response.Body.Close()
		metrics, err := io.ReadAll(response.Body)
		require.NoError(t, err)
		require.Contains(t, string(metrics), "rabbitmq_connections ")
	}
	if s.source.Has(broker.Streams) {
		at, err := url.Parse(info.Stream)
		require.NoError(t, err)
		conn, err := net.Dial("tcp", at.Host)
		require.NoError(t, err)
		require.NoError(t, conn.Close())
	}
	if s.source.Has(broker.ConsistentHash) {
		const name = "sourcetest.hash"
		_, ch := open(t, n)
		require.NoError(t, ch.ExchangeDeclare(name, "x-consistent-hash", false, false, false, false, nil))
		require.NoError(t, ch.ExchangeDelete(name, false, false))
	}
}
