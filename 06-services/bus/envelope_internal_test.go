package bus

import (
	"errors"
	"math"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"warren.example/06-services/events"
)

// deliver is what RabbitMQ does to a message on its way.
func deliver(p amqp.Publishing) amqp.Delivery {
	return amqp.Delivery{Headers: p.Headers, ContentType: p.ContentType, DeliveryMode: p.DeliveryMode,
		CorrelationId: p.CorrelationId, MessageId: p.MessageId, Timestamp: time.Unix(p.Timestamp.Unix(), 0), Type: p.Type,
		AppId: p.AppId, Body: p.Body}
}

func TestWhatIsWrittenIsRead(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringN(1, 40, 255)
		when := rapid.Int64Range(0, 1<<42)
		m := events.Message{ID: text.Draw(t, "id"), Type: text.Draw(t, "type"), Schema: rapid.IntRange(1, 9).Draw(t, "schema"),
			Service: rapid.String().Draw(t, "service"), Time: time.UnixMilli(when.Draw(t, "time")),
			Cause: rapid.String().Draw(t, "cause"), Version: rapid.Int64().Draw(t, "version"),
			Attempt: rapid.IntRange(0, math.MaxInt32).Draw(t, "attempt"),
			Body:    rapid.SliceOf(rapid.Byte()).Draw(t, "body")}
		if rapid.Bool().Draw(t, "limited") {
			m.NotAfter = time.UnixMilli(when.Draw(t, "not after"))
		}
		if rapid.Bool().Draw(t, "traced") {
			m.Headers = map[string]string{"traceparent": rapid.String().Draw(t, "trace")}
		}
		got, err := message(deliver(publishing(m)))
		require.NoError(t, err)
		require.Equal(t, m, got)
	})
}

// Whatever anybody sends is a message or malformed, and can be moved. It never panics.
func TestGarbage(t *testing.T) {
	t.Parallel()
	values := rapid.SampledFrom([]any{nil, true, byte(1), int8(-1), int16(2), int32(-3), int64(math.MaxInt64),
		int64(math.MinInt64), float32(1), 2.5, "text", "", []byte("raw"), time.Unix(0, 0), amqp.Table{"a": nil},
		[]any{amqp.Table{"queue": 7}}, []any{1, "x"}, amqp.Decimal{}})
	names := rapid.SampledFrom([]string{headerSchema, headerSentAt, headerCause, headerVersion, headerNotAfter, headerAttempt,
		headerQueue, headerReason, headerReplays, "x-death", "CC", "traceparent", ""})
	c := Consumer{Config: Config{URLs: []string{"amqp://localhost"}}, Queue: "inventory.commands"}
	require.NoError(t, c.check())
	rapid.Check(t, func(t *rapid.T) {
		d := amqp.Delivery{MessageId: rapid.String().Draw(t, "id"), Type: rapid.String().Draw(t, "type"),
			Headers: amqp.Table(rapid.MapOf(names, values).Draw(t, "headers")), Body: rapid.SliceOf(rapid.Byte()).Draw(t, "body")}
		m, err := message(d)
		if err != nil {
			require.ErrorIs(t, err, events.ErrMalformed)
		} else {
			require.Positive(t, m.Schema)
			require.GreaterOrEqual(t, m.Attempt, 0)
		}
		died(d)
		moved := c.move(d, errors.New("no"))
		require.NotContains(t, moved.Headers, "x-death")
		require.Positive(t, moved.Headers[headerAttempt])
		require.Equal(t, uint8(amqp.Persistent), moved.DeliveryMode)
	})
}
