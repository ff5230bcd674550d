package audit_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/stretchr/testify/require"

	"warren.example/06-services/audit"
	"warren.example/06-services/bus"
	"warren.example/06-services/events"
	"warren.example/06-services/events/eventstest"
	"warren.example/workshop/minirabbit"
)

func TestReadHasWhatWasThereAndEnds(t *testing.T) {
	broker := minirabbit.Run(t)
	c := bus.Config{URLs: []string{broker.URL()}, Name: "auditor", Log: slog.New(slog.NewTextHandler(io.Discard, nil))}
	require.NoError(t, bus.Declare(t.Context(), c, bus.Shared()))
	conn, err := amqp.Dial(broker.URL())
	require.NoError(t, err)
	defer conn.Close()
	publisher, err := bus.NewPublisher(c, 10)
	require.NoError(t, err)
	defer publisher.Close(context.Background())
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()

	var got []events.Message
	read := func(from int64) (next int64) {
		got = nil
		next, err := audit.Read(ctx, conn, from, func(e audit.Entry) error {
			require.GreaterOrEqual(t, e.Offset, from)
			got = append(got, e.Message)
			return nil
		})
		require.NoError(t, err)
		return next
	}
	start := read(0)
	require.Empty(t, got, "an empty stream ends too")

	var sent []events.Message
	for _, s := range eventstest.Samples(t) {
		if d, _ := events.Lookup(s.Message.Type); !d.Command() {
			sent = append(sent, s.Message)
		}
	}
	for _, err := range publisher.Publish(ctx, sent) {
		require.NoError(t, err)
	}
	next := read(start)
	same := func(want, got []events.Message) {
		require.Len(t, got, len(want))
		for i, m := range got {
			m.Time, want[i].Time = time.Time{}, time.Time{}
			require.Equal(t, want[i], m)
		}
	}
	same(sent, got)
	read(0)
	same(sent, got)

	require.NoError(t, publisher.Publish(ctx, sent[:1])[0])
	end := read(next)
	same(sent[:1], got)
	read(end)
	require.Empty(t, got)

	again, err := audit.Read(ctx, conn, next, func(audit.Entry) error { return errors.New("no") })
	require.ErrorContains(t, err, "no")
	read(again)
	same(sent[:1], got)
}

func TestReadWithoutStreamFails(t *testing.T) {
	conn, err := amqp.Dial(minirabbit.Run(t).URL())
	require.NoError(t, err)
	defer conn.Close()
	_, err = audit.Read(t.Context(), conn, 0, func(audit.Entry) error { return nil })
	require.ErrorContains(t, err, "no such stream")

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = audit.Read(ctx, conn, 0, func(audit.Entry) error { return nil })
	require.ErrorIs(t, err, context.Canceled)
}
