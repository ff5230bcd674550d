package wire_test

import (
	"context"
	"crypto/rand"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"warren.example/workshop/broker"
	"warren.example/workshop/management"
)

// realBroker returns the URL of a virtual host of the test's own on a real RabbitMQ, and the context for working with
// it. Without a broker the test is skipped.
func realBroker(t *testing.T) (context.Context, *url.URL) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	t.Cleanup(cancel)

	source, err := broker.Find(ctx)
	if err != nil {
		t.Skipf("needs a real RabbitMQ: %v", err)
	}
	t.Cleanup(func() { require.NoError(t, source.Close()) })
	if !source.Has(broker.Management) {
		t.Skipf("needs the management API for a virtual host of its own: %s has none", source.Name())
	}
	lease, err := source.Lease(ctx, broker.Request{Needs: []broker.Ability{broker.Management}, For: t.Name()})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, lease.Release()) })
	info := lease.Nodes()[0].Info()
	t.Logf("on %s", source.Name())

	address, err := url.Parse(info.AMQP)
	require.NoError(t, err)
	api, err := management.New(info.Management)
	require.NoError(t, err)
	vhost := "wire-" + rand.Text()
	t.Cleanup(func() {
		// Not ctx: it has ended when the test ran out of time.
		require.NoError(t, api.DeleteVHost(context.Background(), vhost))
	})
	require.NoError(t, api.PutVHost(ctx, vhost))
	require.NoError(t, api.PutPermissions(ctx, vhost, address.User.Username(), management.AllPermissions))
	address.Path = "/" + vhost
	return ctx, address
}
