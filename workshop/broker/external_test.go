package broker_test

import (
	"context"
	"io"
	"net"
	"net/url"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"warren.example/workshop/broker"
	"warren.example/workshop/broker/sourcetest"
	"warren.example/workshop/management"
)

func TestADeadPortIsExplained(t *testing.T) {
	t.Parallel()
	_, err := broker.External(t.Context(), broker.ExternalConfig{AMQP: "amqp://guest:secret@127.0.0.1:1/"})
	require.ErrorContains(t, err, "nothing listens on 127.0.0.1:1")
	require.ErrorContains(t, err, broker.EnvAMQP)
	require.NotContains(t, err.Error(), "secret")
}

// The probe gives up by itself: the context here has no deadline.
func TestAPortThatNeverAnswersIsGivenUp(t *testing.T) {
	t.Parallel()
	silent, err := net.Listen("tcp", "127.0.0.1:0") // the kernel takes connections, nobody answers
	require.NoError(t, err)
	defer silent.Close()
	_, err = broker.External(t.Context(), broker.ExternalConfig{AMQP: "amqp://guest:secret@" + silent.Addr().String() + "/"})
	require.ErrorContains(t, err, "did not answer")
	require.ErrorContains(t, err, "is it RabbitMQ's AMQP port?")
	require.NotContains(t, err.Error(), "secret")
}

func TestAProbeEndsWithItsContext(t *testing.T) {
	t.Parallel()
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer silent.Close()
	ctx, cancel := context.WithCancel(t.Context())
	go func() { // gives up once the probe is connected, and says nothing
		conn, err := silent.Accept()
		cancel()
		if err == nil {
			defer conn.Close()
			_, _ = io.Copy(io.Discard, conn)
		}
	}()
	_, err = broker.Probe(ctx, "amqp://"+silent.Addr().String()+"/")
	require.ErrorIs(t, err, context.Canceled)
}

func TestWhatIsNoAMQPURLIsExplained(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"http://host/", "127.0.0.1:5672", "amqp://a:secret@%zz/"} {
		_, err := broker.External(t.Context(), broker.ExternalConfig{AMQP: address})
		require.ErrorContains(t, err, "want amqp://", address)
		require.NotContains(t, err.Error(), "secret")
	}
}

// realURL returns the URL of a RabbitMQ that somebody runs, or skips.
func realURL(t *testing.T) string {
	t.Helper()
	address := os.Getenv(broker.EnvAMQP)
	if address == "" {
		t.Skipf("needs a RabbitMQ that runs: set %s", broker.EnvAMQP)
	}
	return address
}

// realBroker returns how to reach it, or skips.
func realBroker(t *testing.T) broker.ExternalConfig {
	t.Helper()
	return broker.ExternalConfig{AMQP: realURL(t), Management: realManagement}
}

func TestABrokerOutsideKeepsThePromisesOfASource(t *testing.T) {
	t.Parallel()
	source, err := broker.External(t.Context(), realBroker(t))
	require.NoError(t, err)
	defer source.Close()
	require.Contains(t, source.Name(), "(external)")
	require.False(t, source.Has(broker.Breakable))
	require.True(t, source.Has(broker.Management))
	sourcetest.Run(t, source)
}

func TestAWrongPasswordIsExplained(t *testing.T) {
	t.Parallel()
	address := withUser(t, realURL(t), url.UserPassword("guest", "wrong-secret"))
	_, err := broker.External(t.Context(), broker.ExternalConfig{AMQP: address})
	require.ErrorContains(t, err, `refuses user "guest": check user and password`)
	require.NotContains(t, err.Error(), "wrong-secret")
}

func TestAMissingVirtualHostIsExplained(t *testing.T) {
	t.Parallel()
	address, err := url.Parse(realURL(t))
	require.NoError(t, err)
	address.Path = "/there-is-none"
	_, err = broker.External(t.Context(), broker.ExternalConfig{AMQP: address.String()})
	require.ErrorContains(t, err, `refuses virtual host "there-is-none"`)
}

func TestAMissingManagementAPIIsExplained(t *testing.T) {
	t.Parallel()
	_, err := broker.External(t.Context(), broker.ExternalConfig{
		AMQP:       realURL(t),
		Management: "http://guest:secret@127.0.0.1:1",
	})
	require.ErrorContains(t, err, "no management API at http://127.0.0.1:1")
	require.ErrorContains(t, err, broker.EnvManagement)
	require.NotContains(t, err.Error(), "secret")
}

// A user of its own, who may use AMQP and look at the management API, but make no virtual hosts.
func TestAUserWhoIsNoAdministratorIsExplained(t *testing.T) {
	t.Parallel()
	const name = "broker-test"
	source, err := broker.External(t.Context(), realBroker(t))
	require.NoError(t, err)
	l, err := source.Lease(t.Context(), broker.Request{For: t.Name()})
	require.NoError(t, err)
	client, err := management.New(l.Nodes()[0].Info().Management)
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), patience)
	defer cancel()
	t.Cleanup(func() { require.NoError(t, client.DeleteUser(context.WithoutCancel(ctx), name)) })
	require.NoError(t, client.PutUser(ctx, name, management.User{Password: "pw", Tags: []string{"management"}}))
	require.NoError(t, client.PutPermissions(ctx, "/", name, management.AllPermissions))

	mine := realBroker(t)
	mine.AMQP = withUser(t, mine.AMQP, url.UserPassword(name, "pw"))
	if mine.Management != "" {
		mine.Management = withUser(t, mine.Management, url.UserPassword(name, "pw"))
	}
	_, err = broker.External(ctx, mine)
	require.ErrorContains(t, err, `"broker-test" is not an administrator`)
	require.ErrorContains(t, err, "rabbitmqctl set_user_tags")
}

func withUser(t *testing.T, address string, user *url.Userinfo) string {
	t.Helper()
	u, err := url.Parse(address)
	require.NoError(t, err)
	u.User = user
	return u.String()
}
