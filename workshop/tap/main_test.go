package tap_test

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"warren.example/workshop/broker"
	"warren.example/workshop/management"
	"warren.example/workshop/tap"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// deadline bounds everything that waits for an event. No test passes because of it.
const deadline = 20 * time.Second

func within(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	t.Cleanup(cancel)
	return ctx
}

func startTap(t testing.TB, config tap.Config) *tap.Tap {
	tp, err := tap.Start(config)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, tp.Close()) })
	return tp
}

var lastVHost atomic.Int64

// virtualHost returns the URL of a virtual host of the test's own on the real broker. Without one the test is skipped.
func virtualHost(t testing.TB) *url.URL {
	ctx := within(t)
	source, err := broker.Find(ctx)
	if err != nil {
		t.Skipf("needs a RabbitMQ: %v", err)
	}
	t.Cleanup(func() { source.Close() })
	lease, err := source.Lease(ctx, broker.Request{Needs: []broker.Ability{broker.Management}, For: t.Name()})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, lease.Release()) })
	info := lease.Nodes()[0].Info()
	admin, err := management.New(info.Management)
	require.NoError(t, err)

	name := fmt.Sprintf("tap-%d-%d", os.Getpid(), lastVHost.Add(1))
	require.NoError(t, admin.PutVHost(ctx, name))
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), deadline)
		defer cancel()
		require.NoError(t, admin.DeleteVHost(ctx, name))
	})
	u, err := url.Parse(info.AMQP)
	require.NoError(t, err)
	everything := management.Permissions{Configure: ".*", Write: ".*", Read: ".*"}
	require.NoError(t, admin.PutPermissions(ctx, name, u.User.Username(), everything))
	u.Path, u.RawPath = "/"+name, ""
	return u
}

var errExpired = errors.New("time is up")

// expired returns a context that has ended.
func expired(t testing.TB) context.Context {
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errExpired)
	return ctx
}
