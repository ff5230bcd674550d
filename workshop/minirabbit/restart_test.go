package minirabbit_test

import (
	"context"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"sync"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/stretchr/testify/require"

	"warren.example/workshop/minirabbit"
)

// The first door opens, the second does not: whoever came in by the first is put out, and the next try works.
func TestARestartThatFailsLeavesNobody(t *testing.T) {
	broker := minirabbit.Run(t, minirabbit.WithManagement(""))
	where, err := url.Parse(broker.ManagementURL())
	require.NoError(t, err)
	broker.Stop()
	thief, err := net.Listen("tcp", where.Host)
	require.NoError(t, err)
	require.ErrorContains(t, broker.Restart(), "management")
	_, err = amqp.Dial(broker.URL())
	require.Error(t, err)
	require.Empty(t, broker.Facts().Connections)
	require.NoError(t, thief.Close())
	require.NoError(t, broker.Restart())
	_, ch := connect(t, broker.URL())
	require.False(t, ch.IsClosed())
}

// Whatever is called at the same time, the broker works after the last Restart, and Close ends it.
func TestAnythingMayBeCalledAtAnyTime(t *testing.T) {
	broker := minirabbit.Run(t, minirabbit.WithManagement(""), minirabbit.WithFolder(t.TempDir()))
	var callers sync.WaitGroup
	for _, call := range []func(){
		broker.Stop, broker.Kill, broker.Pause, broker.Resume,
		func() { _ = broker.Restart() },
		func() { _ = broker.Restart() },
		func() { broker.Advance(time.Minute) },
		func() { broker.SetAlarm(true); broker.SetAlarm(false) },
		func() { _ = broker.RefuseConnections(true); _ = broker.RefuseConnections(false) },
		func() { broker.Facts(); broker.Log(); broker.AddVirtualHost("another") },
		func() {
			if c, err := amqp.DialConfig(broker.URL(), amqp.Config{Dial: amqp.DefaultDial(50 * time.Millisecond)}); err == nil {
				_ = c.Close()
			}
		},
	} {
		callers.Go(func() {
			for range 20 {
				call()
			}
		})
	}
	callers.Wait()
	require.NoError(t, broker.Restart())
	_, ch := connect(t, broker.URL())
	require.NoError(t, ch.Confirm(false))
	_, err := ch.QueueDeclare("q", true, false, false, false, nil)
	require.NoError(t, err)
	publish(t, ch, "q", "still alive")
	require.NoError(t, broker.Close())
	require.NoError(t, broker.Close())
	broker.AddVirtualHost("too late")
	broker.Advance(time.Hour)
	require.Error(t, broker.Restart())
}

// Close wins: no Restart that comes at the same moment opens a door again.
func TestNobodyListensAfterClose(t *testing.T) {
	for range 300 {
		broker, err := minirabbit.Start()
		require.NoError(t, err)
		where, err := url.Parse(broker.URL())
		require.NoError(t, err)
		var callers sync.WaitGroup
		callers.Go(func() { _ = broker.Close() })
		callers.Go(func() { _ = broker.Restart() })
		callers.Go(func() { _ = broker.Restart() })
		callers.Wait()
		_, err = net.Dial("tcp", where.Host)
		require.Error(t, err)
	}
}

// What a broker is asked for while it hangs, and before it dies, it never does.
func TestWhatADeadBrokerWasAskedForIsNotDone(t *testing.T) {
	broker := minirabbit.Run(t, minirabbit.WithManagement(""))
	for range 20 {
		broker.Pause()
		asked := make(chan struct{})
		trace := &httptrace.ClientTrace{WroteRequest: func(httptrace.WroteRequestInfo) { close(asked) }}
		ctx := httptrace.WithClientTrace(context.Background(), trace)
		request, err := http.NewRequestWithContext(ctx, http.MethodPut, broker.ManagementURL()+"/api/vhosts/late", nil)
		require.NoError(t, err)
		failed := make(chan error)
		go func() {
			response, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(request)
			if err == nil {
				_ = response.Body.Close()
			}
			failed <- err
		}()
		<-asked
		broker.Kill()
		require.Error(t, <-failed)
		require.NoError(t, broker.Restart())
		_, err = amqp.Dial(broker.URLFor("guest", "guest", "late"))
		require.ErrorContains(t, err, "vhost late not found")
	}
}
