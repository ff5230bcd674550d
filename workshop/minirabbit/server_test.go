package minirabbit_test

import (
	"context"
	"io"
	"net"
	"net/url"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"warren.example/workshop/minirabbit"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is how long a test waits for what must come. Nothing waits so long unless it fails.
const patience = 20 * time.Second

// connect opens a connection and a channel.
func connect(t testing.TB, url string) (*amqp.Connection, *amqp.Channel) {
	t.Helper()
	c, err := amqp.Dial(url)
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.Close() })
	ch, err := c.Channel()
	require.NoError(t, err)
	return c, ch
}

// publish publishes a persistent message and waits for its confirm.
func publish(t testing.TB, ch *amqp.Channel, queue, body string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	m := amqp.Publishing{DeliveryMode: amqp.Persistent, Body: []byte(body)}
	confirm, err := ch.PublishWithDeferredConfirmWithContext(ctx, "", queue, true, false, m)
	require.NoError(t, err)
	acked, err := confirm.WaitContext(ctx)
	require.NoError(t, err)
	require.True(t, acked)
}

// receive returns the next delivery.
func receive(t testing.TB, deliveries <-chan amqp.Delivery) amqp.Delivery {
	t.Helper()
	select {
	case d, ok := <-deliveries:
		require.True(t, ok, "no delivery: the channel was closed")
		return d
	case <-time.After(patience):
		require.FailNow(t, "no delivery")
		return amqp.Delivery{}
	}
}

// closed returns why something was closed.
func closed(t testing.TB, notices <-chan *amqp.Error) *amqp.Error {
	t.Helper()
	select {
	case err := <-notices:
		return err
	case <-time.After(patience):
		require.FailNow(t, "it was not closed")
		return nil
	}
}

func TestAMessageGoesThrough(t *testing.T) {
	broker := minirabbit.Run(t)
	_, ch := connect(t, broker.URL())
	require.NoError(t, ch.Confirm(false))
	q, err := ch.QueueDeclare("orders", true, false, false, false, nil)
	require.NoError(t, err)
	deliveries, err := ch.Consume(q.Name, "", false, false, false, false, nil)
	require.NoError(t, err)

	publish(t, ch, q.Name, "order-7")

	d := receive(t, deliveries)
	require.Equal(t, "order-7", string(d.Body))
	require.False(t, d.Redelivered)
	facts, ok := broker.Facts().Queue("/", "orders")
	require.True(t, ok)
	require.Equal(t, minirabbit.QueueFacts{VirtualHost: "/", Name: "orders", Kind: "classic", Unacked: 1, Consumers: 1}, facts)
	require.NoError(t, d.Ack(false))
}

func TestStopTellsClientsWhy(t *testing.T) {
	broker := minirabbit.Run(t)
	c, _ := connect(t, broker.URL())
	notices := c.NotifyClose(make(chan *amqp.Error, 1))

	broker.Stop()

	err := closed(t, notices)
	require.Equal(t, 320, err.Code)
	require.Equal(t, "CONNECTION_FORCED - broker forced connection closure with reason 'shutdown'", err.Reason)
	_, dialErr := amqp.Dial(broker.URL())
	require.Error(t, dialErr)
}

func TestRestartKeepsWhatRabbitMQWouldKeep(t *testing.T) {
	for name, end := range map[string]func(*minirabbit.Server){"stop": (*minirabbit.Server).Stop, "kill": (*minirabbit.Server).Kill} {
		t.Run(name, func(t *testing.T) {
			broker := minirabbit.Run(t)
			url := broker.URL()
			_, ch := connect(t, url)
			require.NoError(t, ch.Confirm(false))
			_, err := ch.QueueDeclare("durable", true, false, false, false, nil)
			require.NoError(t, err)
			_, err = ch.QueueDeclare("transient", false, false, false, false, nil)
			require.NoError(t, err)
			publish(t, ch, "durable", "kept")
			deliveries, err := ch.Consume("durable", "", false, false, false, false, nil)
			require.NoError(t, err)
			receive(t, deliveries)

			end(broker)
			require.NoError(t, broker.Restart())

			require.Equal(t, url, broker.URL())
			_, ch = connect(t, broker.URL())
			d, ok, err := ch.Get("durable", true)
			require.NoError(t, err)
			require.True(t, ok)
			require.Equal(t, "kept", string(d.Body))
			require.True(t, d.Redelivered)
			_, err = ch.QueueDeclarePassive("transient", false, false, false, false, nil)
			require.ErrorContains(t, err, "NOT_FOUND - no queue 'transient' in vhost '/'")
		})
	}
}

func TestKillClosesWithoutAWord(t *testing.T) {
	broker := minirabbit.Run(t)
	c, _ := connect(t, broker.URL())
	notices := c.NotifyClose(make(chan *amqp.Error, 1))

	broker.Kill()

	require.NotEqual(t, 320, closed(t, notices).Code)
}

func TestAPausedBrokerAnswersNothing(t *testing.T) {
	broker := minirabbit.Run(t)
	_, ch := connect(t, broker.URL())
	require.NoError(t, ch.Confirm(false))
	_, err := ch.QueueDeclare("orders", true, false, false, false, nil)
	require.NoError(t, err)

	broker.Pause()
	confirm, err := ch.PublishWithDeferredConfirm("", "orders", false, false, amqp.Publishing{})
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	_, err = confirm.WaitContext(ctx)
	require.ErrorIs(t, err, context.DeadlineExceeded)

	broker.Resume()
	require.True(t, confirm.Wait())
}

func TestAPausedBrokerCanBeStoppedAndRestarted(t *testing.T) {
	broker := minirabbit.Run(t)
	connect(t, broker.URL())
	broker.Pause()
	require.NoError(t, broker.Restart())
	connect(t, broker.URL())
}

func TestAnAlarmBlocksPublishersOnly(t *testing.T) {
	broker := minirabbit.Run(t)
	publisher, out := connect(t, broker.URL())
	_, in := connect(t, broker.URL())
	require.NoError(t, out.Confirm(false))
	_, err := in.QueueDeclare("orders", false, false, false, false, nil)
	require.NoError(t, err)
	blockings := publisher.NotifyBlocked(make(chan amqp.Blocking, 2))

	broker.SetAlarm(true)
	confirm, err := out.PublishWithDeferredConfirm("", "orders", false, false, amqp.Publishing{Body: []byte("x")})
	require.NoError(t, err)
	require.Equal(t, amqp.Blocking{Active: true, Reason: "low on memory"}, <-blockings)
	_, err = in.QueueDeclarePassive("orders", false, false, false, false, nil)
	require.NoError(t, err, "a connection that does not publish is not blocked")

	broker.SetAlarm(false)
	require.Equal(t, amqp.Blocking{}, <-blockings)
	require.True(t, confirm.Wait())
}

func TestAdvanceLetsMessagesExpire(t *testing.T) {
	broker := minirabbit.Run(t)
	_, ch := connect(t, broker.URL())
	require.NoError(t, ch.Confirm(false))
	_, err := ch.QueueDeclare("short", true, false, false, false, amqp.Table{"x-message-ttl": 60_000})
	require.NoError(t, err)
	publish(t, ch, "short", "x")

	broker.Advance(59 * time.Second)
	q, _ := broker.Facts().Queue("/", "short")
	require.Equal(t, 1, q.Ready)
	broker.Advance(time.Second)
	q, _ = broker.Facts().Queue("/", "short")
	require.Zero(t, q.Ready)
}

func TestRefusedConnections(t *testing.T) {
	broker := minirabbit.Run(t)
	_, ch := connect(t, broker.URL())
	require.NoError(t, broker.RefuseConnections(true))
	_, err := amqp.Dial(broker.URL())
	require.Error(t, err)
	_, err = ch.QueueDeclare("", false, false, true, false, nil)
	require.NoError(t, err, "open connections stay")
	require.NoError(t, broker.RefuseConnections(false))
	connect(t, broker.URL())
}

func TestTheLogTellsWhatHappened(t *testing.T) {
	broker := minirabbit.Run(t)
	c, ch := connect(t, broker.URL())
	_, err := ch.QueueDeclarePassive("nowhere", false, false, false, false, nil)
	require.Error(t, err)
	require.NoError(t, c.Close())
	broker.Stop()

	var kinds []string
	for _, e := range broker.Log() {
		kinds = append(kinds, e.Kind)
	}
	require.Equal(t, []string{"started", "connection opened", "channel closed with an error", "connection closed", "stopped"}, kinds)
	require.Contains(t, broker.Log()[2].Text, "404 NOT_FOUND - no queue 'nowhere' in vhost '/'")
}

// Who does not get in is told of too, with what RabbitMQ keeps to itself.
func TestTheLogTellsWhoDidNotGetIn(t *testing.T) {
	broker := minirabbit.Run(t)
	_, err := amqp.Dial(broker.URLFor("guest", "wrong", "/"))
	require.ErrorIs(t, err, amqp.ErrCredentials)
	_, err = amqp.Dial(broker.URLFor("guest", "guest", "nowhere"))
	require.Error(t, err)
	where, err := url.Parse(broker.URL())
	require.NoError(t, err)
	socket, err := net.Dial("tcp", where.Host)
	require.NoError(t, err)
	defer socket.Close()
	_, err = socket.Write([]byte("GET / HT"))
	require.NoError(t, err)
	answer, err := io.ReadAll(socket)
	require.NoError(t, err)
	require.Equal(t, "AMQP\x00\x00\x09\x01", string(answer))
	broker.Stop() // nothing of them is left then

	var texts []string
	for _, e := range broker.Log() {
		if e.Kind == "connection failed" {
			require.Contains(t, e.Connection, " -> ")
			texts = append(texts, e.Text)
		}
	}
	require.ElementsMatch(t, []string{
		"PLAIN login refused for user 'guest': name or password is wrong, or guest comes from another machine",
		"530 NOT_ALLOWED - vhost nowhere not found",
		`unknown protocol header "GET / HT"`,
	}, texts)
}
