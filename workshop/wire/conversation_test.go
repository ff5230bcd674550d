package wire_test

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/stretchr/testify/require"
)

// TestWhatAmqp091AndRabbitMQSayIsEncodedToTheSameBytes lets the client that the course teaches do everything it can, and
// looks at each frame on the way. It fails too if a method is missing that should have been said.
func TestWhatAmqp091AndRabbitMQSayIsEncodedToTheSameBytes(t *testing.T) {
	t.Parallel()
	ctx, address := realBroker(t)
	r := startRelay(t, address.Host)
	address.Host = r.addr()

	idle := dial(t, address, 2*time.Second) // says nothing but heartbeats, one a second
	refusedLogins(t, *address)
	conn := dial(t, address, 0)
	topology(t, conn)
	publishing(t, ctx, conn)
	consuming(t, ctx, conn)
	answering(t, ctx, conn)
	transactions(t, ctx, conn)
	failures(t, conn)
	require.NoError(t, conn.UpdateSecret("a new token", "the old one expired"))
	require.NoError(t, conn.Close())
	immediate(t, ctx, dial(t, address, 0))
	for beats := map[string]bool{}; len(beats) < 2; {
		beats[next(t, ctx, r.heartbeats)] = true
	}
	require.NoError(t, idle.Close())
	r.close()

	wrong, seen := r.verdict()
	t.Logf("seen:\n%s", listing(seen))
	require.Empty(t, wrong)
	for _, want := range append(strings.Fields(clientSays), strings.Fields(brokerSays)...) {
		from, method, _ := strings.Cut(want, ":")
		require.NotZero(t, seen[from+" "+method], want)
	}
}

// What must have been seen. Missing: connection.secure (needs another way to log in), connection.blocked (needs an
// alarm), access, credit and basic.recover-async (amqp091-go has no words for them; see
// TestRabbitMQUnderstandsWhatIsEncoded).
const (
	clientSays = `
		client:connection.start-ok client:connection.tune-ok client:connection.open client:connection.close
		client:connection.close-ok client:connection.update-secret
		client:channel.open client:channel.flow client:channel.close client:channel.close-ok
		client:exchange.declare client:exchange.delete client:exchange.bind client:exchange.unbind
		client:queue.declare client:queue.bind client:queue.unbind client:queue.purge client:queue.delete
		client:basic.qos client:basic.consume client:basic.cancel client:basic.publish client:basic.get
		client:basic.ack client:basic.nack client:basic.reject client:basic.recover
		client:confirm.select client:tx.select client:tx.commit client:tx.rollback
		client:header client:body client:heartbeat
		client:wire.Bool client:wire.Int8 client:wire.Uint8 client:wire.Int16 client:wire.Uint16 client:wire.Int32
		client:wire.Uint32 client:wire.Int64 client:wire.Float32 client:wire.Float64 client:wire.Decimal client:wire.String
		client:wire.Bytes client:wire.Timestamp client:wire.Void client:wire.Array client:wire.Table`
	brokerSays = `
		broker:connection.start broker:connection.tune broker:connection.open-ok broker:connection.close
		broker:connection.close-ok broker:connection.update-secret-ok
		broker:channel.open-ok broker:channel.flow-ok broker:channel.close broker:channel.close-ok
		broker:exchange.declare-ok broker:exchange.delete-ok broker:exchange.bind-ok broker:exchange.unbind-ok
		broker:queue.declare-ok broker:queue.bind-ok broker:queue.unbind-ok broker:queue.purge-ok broker:queue.delete-ok
		broker:basic.qos-ok broker:basic.consume-ok broker:basic.cancel broker:basic.cancel-ok broker:basic.return
		broker:basic.deliver broker:basic.get-ok broker:basic.get-empty broker:basic.ack broker:basic.nack
		broker:basic.recover-ok broker:confirm.select-ok broker:tx.select-ok broker:tx.commit-ok broker:tx.rollback-ok
		broker:header broker:body broker:heartbeat broker:wire.Timestamp broker:wire.Array broker:wire.Table`
)

// everything has a value of each type that amqp091-go can send.
var everything = amqp.Table{
	"bool": true, "int8": int8(-1), "uint8": uint8(200), "int16": int16(-300), "uint16": uint16(60000),
	"int32": int32(-70000), "uint32": uint32(4000000000), "int64": int64(-5000000000), "int": 7,
	"float32": float32(1.5), "float64": 2.25, "decimal": amqp.Decimal{Scale: 2, Value: 12345},
	"string": "text", "bytes": []byte{0, 1, 255}, "time": time.Unix(1700000000, 0), "void": nil,
	"array":    []any{int32(1), "two", amqp.Table{"three": int64(3)}},
	"table":    amqp.Table{"deeper": amqp.Table{"still": "here"}},
	"no table": amqp.Table{}, "": "a name of no letters",
}

func dial(t *testing.T, address *url.URL, heartbeat time.Duration) *amqp.Connection {
	t.Helper()
	conn, err := amqp.DialConfig(address.String(), amqp.Config{
		Heartbeat:  heartbeat,
		Properties: amqp.Table{"connection_name": t.Name(), "more": everything},
	})
	require.NoError(t, err)
	t.Cleanup(func() { conn.Close() })
	return conn
}

func channel(t *testing.T, conn *amqp.Connection) *amqp.Channel {
	t.Helper()
	ch, err := conn.Channel()
	require.NoError(t, err)
	return ch
}

// refusedLogins ends with connection.close in the middle of the handshake.
func refusedLogins(t *testing.T, address url.URL) {
	nobody := address
	nobody.User = url.UserPassword("nobody", "wrong")
	_, err := amqp.Dial(nobody.String())
	require.ErrorIs(t, err, amqp.ErrCredentials)

	nowhere := address
	nowhere.Path = "/no such virtual host"
	_, err = amqp.Dial(nowhere.String())
	require.Error(t, err)
}

func topology(t *testing.T, conn *amqp.Connection) {
	ch := channel(t, conn)
	for _, kind := range []string{"direct", "fanout", "topic", "headers"} {
		require.NoError(t, ch.ExchangeDeclare(kind, kind, true, false, false, false, amqp.Table{"alternate-exchange": "lost"}))
		require.NoError(t, ch.ExchangeDeclarePassive(kind, kind, true, false, false, false, nil))
	}
	require.NoError(t, ch.ExchangeDeclare("inner", "fanout", false, true, true, true, nil))
	require.NoError(t, ch.ExchangeBind("inner", "news.#", "topic", false, amqp.Table{"why": "test"}))
	require.NoError(t, ch.ExchangeUnbind("inner", "news.#", "topic", false, amqp.Table{"why": "test"}))
	require.NoError(t, ch.ExchangeDelete("headers", true, false))

	_, err := ch.QueueDeclare("named", true, false, false, false, amqp.Table{
		"x-message-ttl": int32(60000), "x-max-length": int64(1000), "x-dead-letter-exchange": "fanout", "x-expires": 100000,
	})
	require.NoError(t, err)
	_, err = ch.QueueDeclare("", false, true, true, false, nil)
	require.NoError(t, err)
	_, err = ch.QueueDeclarePassive("named", true, false, false, false, nil)
	require.NoError(t, err)
	require.NoError(t, ch.QueueBind("named", "a.*", "topic", false, everything))
	require.NoError(t, ch.QueueUnbind("named", "a.*", "topic", everything))
	_, err = ch.QueuePurge("named", false)
	require.NoError(t, err)
	_, err = ch.QueueDelete("named", true, true, false)
	require.NoError(t, err)
	require.NoError(t, ch.Flow(true))
	require.NoError(t, ch.Close())
}

// publishing sends all properties, bodies of no, one and several frames, and is answered by ack, nack and return.
func publishing(t *testing.T, ctx context.Context, conn *amqp.Connection) {
	ch := channel(t, conn)
	returns := ch.NotifyReturn(make(chan amqp.Return, 1))
	require.NoError(t, ch.Confirm(false))
	_, err := ch.QueueDeclare("full", false, false, false, false, amqp.Table{"x-max-length": 0, "x-overflow": "reject-publish"})
	require.NoError(t, err)
	_, err = ch.QueueDeclare("work", false, false, false, false, nil)
	require.NoError(t, err)

	publish := func(key string, mandatory bool, body string) bool {
		t.Helper()
		confirm, err := ch.PublishWithDeferredConfirmWithContext(ctx, "", key, mandatory, false, amqp.Publishing{
			Headers: everything, ContentType: "text/plain", ContentEncoding: "identity", DeliveryMode: amqp.Persistent,
			Priority: 3, CorrelationId: "c", ReplyTo: "work", Expiration: "60000", MessageId: "m",
			Timestamp: time.Unix(1700000000, 0), Type: "order", UserId: "", AppId: "shop", Body: []byte(body),
		})
		require.NoError(t, err)
		acked, err := confirm.WaitContext(ctx)
		require.NoError(t, err)
		return acked
	}
	require.True(t, publish("work", false, "one frame"))
	require.True(t, publish("work", false, ""))
	require.True(t, publish("work", false, strings.Repeat("several frames ", 30_000)))
	require.False(t, publish("full", false, "no room"))
	require.True(t, publish("nowhere", true, "nobody wants it"))
	require.Equal(t, "nobody wants it", string(next(t, ctx, returns).Body))
	require.NoError(t, ch.Close())
}

// consuming reads what publishing left in the queue "work": by delivery, by get, and after a recover.
func consuming(t *testing.T, ctx context.Context, conn *amqp.Connection) {
	ch := channel(t, conn)
	cancelled := ch.NotifyCancel(make(chan string, 1))
	require.NoError(t, ch.Qos(10, 0, false))
	deliveries, err := ch.ConsumeWithContext(ctx, "work", "", false, false, false, false, amqp.Table{"x-priority": int32(5)})
	require.NoError(t, err)
	first, second, third := next(t, ctx, deliveries), next(t, ctx, deliveries), next(t, ctx, deliveries)
	require.Equal(t, "one frame", string(first.Body))
	require.Empty(t, second.Body)
	require.Len(t, third.Body, 15*30_000)
	require.NoError(t, first.Ack(false))
	require.NoError(t, second.Nack(true, true))
	require.NoError(t, next(t, ctx, deliveries).Reject(false))
	require.NoError(t, ch.Recover(true)) //lint:ignore SA1019 deprecated, and still spoken by brokers
	require.True(t, next(t, ctx, deliveries).Redelivered)
	require.NoError(t, ch.Cancel(first.ConsumerTag, false))

	_, err = ch.ConsumeWithContext(ctx, "work", "told when the queue goes", true, true, false, false, nil)
	require.NoError(t, err)
	_, err = ch.QueueDelete("work", false, false, false)
	require.NoError(t, err)
	require.Equal(t, "told when the queue goes", next(t, ctx, cancelled))
	require.NoError(t, ch.Close())
}

// answering uses direct reply-to and reads a dead letter, whose x-death has what only a broker writes.
func answering(t *testing.T, ctx context.Context, conn *amqp.Connection) {
	ch := channel(t, conn)
	replies, err := ch.ConsumeWithContext(ctx, "amq.rabbitmq.reply-to", "", true, false, false, false, nil)
	require.NoError(t, err)
	_, err = ch.QueueDeclare("dead", false, false, true, false, nil)
	require.NoError(t, err)
	_, err = ch.QueueDeclare("requests", false, false, true, false, amqp.Table{
		"x-dead-letter-exchange": "", "x-dead-letter-routing-key": "dead",
	})
	require.NoError(t, err)
	ask := amqp.Publishing{ReplyTo: "amq.rabbitmq.reply-to"}
	require.NoError(t, ch.PublishWithContext(ctx, "", "requests", false, false, ask))
	requests, err := ch.ConsumeWithContext(ctx, "requests", "", false, false, false, false, nil)
	require.NoError(t, err)
	request := next(t, ctx, requests)
	answer := amqp.Publishing{Body: []byte("yes")}
	require.NoError(t, ch.PublishWithContext(ctx, "", request.ReplyTo, false, false, answer))
	require.Equal(t, "yes", string(next(t, ctx, replies).Body))

	require.NoError(t, request.Reject(false))
	dead, err := ch.ConsumeWithContext(ctx, "dead", "", true, false, false, false, nil)
	require.NoError(t, err)
	require.NotEmpty(t, next(t, ctx, dead).Headers["x-death"])

	_, ok, err := ch.Get("requests", false)
	require.NoError(t, err)
	require.False(t, ok)
	require.NoError(t, ch.Close())
}

func transactions(t *testing.T, ctx context.Context, conn *amqp.Connection) {
	ch := channel(t, conn)
	_, err := ch.QueueDeclare("tx", false, false, true, false, nil)
	require.NoError(t, err)
	require.NoError(t, ch.Tx())
	require.NoError(t, ch.PublishWithContext(ctx, "", "tx", false, false, amqp.Publishing{Body: []byte("kept")}))
	require.NoError(t, ch.TxCommit())
	forgotten := amqp.Publishing{Body: []byte("forgotten")}
	require.NoError(t, ch.PublishWithContext(ctx, "", "tx", false, false, forgotten))
	require.NoError(t, ch.TxRollback())
	d, ok, err := ch.Get("tx", true)
	require.NoError(t, err)
	require.True(t, ok)
	require.Equal(t, "kept", string(d.Body))
	require.NoError(t, ch.Close())
}

// failures make the broker close channels.
func failures(t *testing.T, conn *amqp.Connection) {
	var refused *amqp.Error
	_, err := channel(t, conn).QueueDeclarePassive("no such queue", false, false, false, false, nil)
	require.True(t, errors.As(err, &refused))
	require.Equal(t, amqp.NotFound, refused.Code)

	err = channel(t, conn).ExchangeDeclare("topic", "fanout", true, false, false, false, nil)
	require.True(t, errors.As(err, &refused))
	require.Equal(t, amqp.PreconditionFailed, refused.Code)
}

// immediate makes the broker close the connection: RabbitMQ doesn't implement it.
func immediate(t *testing.T, ctx context.Context, conn *amqp.Connection) {
	closed := conn.NotifyClose(make(chan *amqp.Error, 1))
	require.NoError(t, channel(t, conn).Publish("", "work", false, true, amqp.Publishing{}))
	require.Equal(t, amqp.NotImplemented, next(t, ctx, closed).Code)
}

// next waits for what a channel gives.
func next[T any](t *testing.T, ctx context.Context, from <-chan T) T {
	t.Helper()
	select {
	case v, ok := <-from:
		require.Truef(t, ok, "%T was closed", from)
		return v
	case <-ctx.Done():
		require.FailNowf(t, "nothing came in time", "%T", from)
		panic("not reached")
	}
}
