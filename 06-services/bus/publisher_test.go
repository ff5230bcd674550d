package bus_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/stretchr/testify/require"

	"warren.example/06-services/bus"
	"warren.example/06-services/events"
	"warren.example/workshop/lab"
	"warren.example/workshop/tap"
)

// publisher returns a publisher through the tap, which is closed when the test ends.
func publisher(t *testing.T, window int, urls ...string) *bus.Publisher {
	p, err := bus.NewPublisher(config(t, urls...), window)
	require.NoError(t, err)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		_ = p.Close(ctx)
	})
	return p
}

func TestTheEnvelopeOnTheWire(t *testing.T) {
	t.Parallel()
	l := lab.New(t)
	shop(t, l)
	m := commands(t, 1)[0]
	m.Time = time.UnixMilli(1_700_000_000_123)
	m.NotAfter = m.Time.Add(time.Hour)
	m.Cause, m.Version, m.Headers = "cause-1", 7, map[string]string{"traceparent": "00-1-2-03", "attempt": "9"}
	none(t, publisher(t, 1, l.URL).Publish(t.Context(), []events.Message{m}))

	d := l.Get("inventory.commands")
	delete(d.Headers, "x-delivery-count") // RabbitMQ's
	require.Equal(t, uint8(amqp.Persistent), d.DeliveryMode)
	require.Equal(t, []string{m.ID, "stock.release", "order", "order-1", "application/json", "shop.commands", "stock.release.v1"},
		[]string{d.MessageId, d.Type, d.AppId, d.CorrelationId, d.ContentType, d.Exchange, d.RoutingKey})
	require.Equal(t, int64(1_700_000_000), d.Timestamp.Unix())
	require.Equal(t, amqp.Table{"schema-version": int64(1), "sent-at": int64(1_700_000_000_123), "causation-id": "cause-1",
		"aggregate-version": int64(7), "not-after": int64(1_700_003_600_123), "traceparent": "00-1-2-03"}, d.Headers)
	require.JSONEq(t, `{"order":"order-1"}`, string(d.Body))
}

func TestEachMessageHasItsOwnResult(t *testing.T) {
	t.Parallel()
	l := lab.New(t)
	shop(t, l)
	l.Tap.Add(tap.Refuse{On: tap.Trigger{Nth: 2}})
	all := commands(t, 5)
	payment, err := events.New(events.PaymentVoid{Order: "order-9"}, events.About{Service: "order", Now: time.Now()})
	require.NoError(t, err)
	all[2] = payment // its queue isn't there
	all[3].Type = "stock.rumour"
	errs := publisher(t, 8, l.URL).Publish(t.Context(), all)
	require.NoError(t, errs[0])
	require.ErrorIs(t, errs[1], bus.ErrRefused)
	require.ErrorIs(t, errs[2], bus.ErrUnroutable)
	require.ErrorIs(t, errs[3], events.ErrMalformed)
	require.NoError(t, errs[4])
	require.Equal(t, 2, l.Depth("inventory.commands"))
}

func TestALostConnectionIsNoAnswerAndThenThereIsAnother(t *testing.T) {
	t.Parallel()
	l := lab.New(t)
	shop(t, l)
	p := publisher(t, 8, l.URL)
	hold := l.Tap.Add(tap.HoldConfirm{})
	all := commands(t, 3)
	call := l.Go("Publish", func(ctx context.Context) error { return errors.Join(p.Publish(ctx, all)...) })
	l.WaitFor(tap.Filter{Method: "basic.publish"}, 3)
	l.Tap.CutAll()
	require.ErrorIs(t, call.Wait(), bus.ErrUnknown)
	hold.Remove()
	none(t, p.Publish(t.Context(), all))
	require.NoError(t, p.Ready())
}

func TestCtxEndsWhileAMessageIsUnderWay(t *testing.T) {
	t.Parallel()
	l := lab.New(t)
	shop(t, l)
	p := publisher(t, 1, l.URL)
	hold := l.Tap.Add(tap.HoldConfirm{})
	all := commands(t, 3)
	first := l.Go("first", func(ctx context.Context) error { return p.Publish(ctx, all[:1])[0] })
	l.WaitFor(tap.Filter{Method: "basic.publish"}, 1)
	second := l.Go("second", func(ctx context.Context) error { return p.Publish(ctx, all[1:2])[0] })
	second.Stop()
	err := second.Wait()
	require.ErrorIs(t, err, bus.ErrUnsent, "the window is full")
	require.ErrorIs(t, err, context.Canceled)
	first.Stop()
	err = first.Wait()
	require.ErrorIs(t, err, bus.ErrUnknown)
	require.ErrorIs(t, err, context.Canceled)
	third := l.Go("third", func(ctx context.Context) error { return p.Publish(ctx, all[2:])[0] })
	hold.Remove() // the first message's place is free now, though its caller has left
	require.NoError(t, third.Wait())
	require.Equal(t, 2, l.Depth("inventory.commands"))
}

func TestNoBrokerIsNoPanicAndTheNextURLIsTried(t *testing.T) {
	t.Parallel()
	l := lab.Config{Doors: 2}.New(t)
	shop(t, l)
	l.Tap.RefuseAt(0, true)
	l.Tap.RefuseAt(1, true)
	p := publisher(t, 8, l.URLs...)
	call := l.Go("Publish", func(ctx context.Context) error { return p.Publish(ctx, commands(t, 1))[0] })
	require.Error(t, p.Ready())
	call.Stop()
	require.ErrorIs(t, call.Wait(), bus.ErrUnsent)

	waiting := l.Go("Publish", func(ctx context.Context) error { return p.Publish(ctx, commands(t, 1))[0] })
	l.Tap.RefuseAt(1, false)
	require.NoError(t, waiting.Wait())
}

func TestBlocked(t *testing.T) {
	t.Parallel()
	l := lab.New(t)
	shop(t, l)
	p := publisher(t, 8, l.URL)
	none(t, p.Publish(t.Context(), commands(t, 1)))
	l.Tap.Block("memory")
	l.Await("the publisher knows", func() bool { return p.Ready() != nil })
	call := l.Go("Publish", func(ctx context.Context) error { return p.Publish(ctx, commands(t, 1))[0] })
	call.Stop()
	require.ErrorIs(t, call.Wait(), bus.ErrUnsent)
	waiting := l.Go("Publish", func(ctx context.Context) error { return p.Publish(ctx, commands(t, 1))[0] })
	l.Tap.Unblock()
	require.NoError(t, waiting.Wait())
	require.NoError(t, p.Ready())

	l.Tap.Block("disk")
	l.Await("the publisher knows", func() bool { return p.Ready() != nil })
	l.Tap.CutAll() // nobody blocks a connection that is gone
	l.Await("there is another connection", func() bool {
		l.Tap.Unblock()
		return p.Ready() == nil
	})
	require.Equal(t, 2, l.Depth("inventory.commands"))
}

func TestNobodyHangsInAFullSocket(t *testing.T) {
	t.Parallel()
	l := lab.New(t)
	shop(t, l)
	p := publisher(t, 1024, l.URL)
	none(t, p.Publish(t.Context(), commands(t, 1)))
	stop := l.Tap.Add(tap.StopReading{From: tap.Client})
	big := commands(t, 100)
	for i := range big {
		big[i].Body = make([]byte, 100_000)
	}
	call := l.Go("Publish", func(ctx context.Context) error { return errors.Join(p.Publish(ctx, big)...) })
	l.Settle() // all is written, or the sockets are full
	call.Stop()
	require.ErrorIs(t, call.Wait(), context.Canceled)
	stop.Remove()
	none(t, p.Publish(t.Context(), commands(t, 1)))
}

func TestAMissingExchangeIsToldAndEndsNothing(t *testing.T) {
	t.Parallel()
	l := lab.New(t)
	p := publisher(t, 8, l.URL)
	var no *amqp.Error
	err := p.Publish(t.Context(), commands(t, 1))[0]
	require.ErrorIs(t, err, bus.ErrUnknown)
	require.ErrorAs(t, err, &no)
	require.Equal(t, amqp.NotFound, no.Code)
	shop(t, l)
	none(t, p.Publish(t.Context(), commands(t, 1)))
}

func TestClose(t *testing.T) {
	t.Parallel()
	l := lab.New(t)
	shop(t, l)
	never, err := bus.NewPublisher(config(t, l.URL), 8)
	require.NoError(t, err)
	require.NoError(t, never.Close(t.Context()))
	require.ErrorIs(t, never.Publish(t.Context(), commands(t, 1))[0], bus.ErrUnsent)

	p, err := bus.NewPublisher(config(t, l.URL), 8)
	require.NoError(t, err)
	hold := l.Tap.Add(tap.HoldConfirm{})
	call := l.Go("Publish", func(ctx context.Context) error { return errors.Join(p.Publish(ctx, commands(t, 20))...) })
	l.WaitFor(tap.Filter{Method: "basic.publish"}, 8)
	closing := l.Go("Close", p.Close)
	closing.Stop()
	require.ErrorIs(t, closing.Wait(), context.Canceled, "it waits for answers until ctx ends")
	require.ErrorIs(t, call.Wait(), bus.ErrUnknown)
	hold.Remove()
	require.ErrorIs(t, p.Publish(t.Context(), commands(t, 1))[0], bus.ErrUnsent)
	require.Error(t, p.Ready())
}

// What is confirmed is in a queue, however many publish and whatever breaks.
func TestWhatIsConfirmedIsThere(t *testing.T) {
	t.Parallel()
	l := lab.New(t)
	shop(t, l)
	p := publisher(t, 16, l.URL)
	var mu sync.Mutex
	confirmed := make(map[string]bool)
	all := commands(t, 600)
	call := l.Go("publish", func(ctx context.Context) error {
		var callers sync.WaitGroup
		for n := range 20 {
			callers.Go(func() {
				for left := slices.Clone(all[n*30 : n*30+30]); len(left) > 0 && ctx.Err() == nil; {
					group := left[:min(7, len(left))]
					left = left[len(group):]
					for i, err := range p.Publish(ctx, group) {
						if err != nil {
							left = append(left, group[i])
							continue
						}
						mu.Lock()
						confirmed[group[i].ID] = true
						mu.Unlock()
					}
				}
			})
		}
		callers.Wait()
		return nil
	})
	for n := range 5 {
		l.WaitFor(tap.Filter{From: tap.Broker, Method: "basic.ack"}, 10*n+1)
		l.Tap.CutAll()
	}
	require.NoError(t, call.Wait())
	there := make(map[string]bool)
	for _, d := range l.Drain("inventory.commands") {
		there[d.MessageId] = true
	}
	for id := range confirmed {
		require.True(t, there[id], fmt.Sprint(id, " was confirmed and is not there"))
	}
	require.Len(t, confirmed, len(all))
}

func TestAConfigurationThatCantBeRight(t *testing.T) {
	t.Parallel()
	_, err := bus.NewPublisher(config(t), 1)
	require.ErrorContains(t, err, "no URL")
	_, err = bus.NewPublisher(config(t, "http://guest:secret@localhost"), 1)
	require.ErrorContains(t, err, "URL 1 of 1")
	require.NotContains(t, err.Error(), "secret")
	_, err = bus.NewPublisher(config(t, "amqp://localhost"), 0)
	require.ErrorContains(t, err, "window")
	require.Error(t, (&bus.Consumer{Config: config(t, "amqp://localhost")}).Run(t.Context()))
	require.Error(t, (&bus.Broadcast{Config: config(t, "amqp://localhost"), Hears: []string{"stock.reserve"}}).Run(t.Context()))
}
