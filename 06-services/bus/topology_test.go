package bus_test

import (
	"context"
	"net/url"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/stretchr/testify/require"

	"warren.example/06-services/bus"
	"warren.example/06-services/events"
	"warren.example/workshop/lab"
	"warren.example/workshop/management"
)

func TestNames(t *testing.T) {
	t.Parallel()
	require.Equal(t, []string{"inventory.commands", "inventory.events"}, inventory.Names())
	require.Equal(t, []string{"shipping.standard", "shipping.priority"}, bus.Queues{Service: "shipping"}.Commands())
	require.Empty(t, bus.Queues{Service: "gateway"}.Names())
	gateway, err := bus.Queues{Service: "gateway"}.Topology()
	require.NoError(t, err)
	require.Zero(t, gateway)
}

func TestTopology(t *testing.T) {
	t.Parallel()
	topology, err := inventory.Topology()
	require.NoError(t, err)
	var names []string
	for _, q := range topology.Queues {
		names = append(names, q.Name)
		require.NotEqual(t, q.Name == parked, q.Args["x-dead-letter-strategy"] == "at-least-once", q.Name)
		require.Equal(t, "quorum", q.Args["x-queue-type"])
	}
	require.Equal(t, []string{
		"inventory.commands", "inventory.commands.retry.1", "inventory.commands.retry.2", "inventory.commands.retry.3",
		"inventory.events", "inventory.events.retry.1", "inventory.events.retry.2", "inventory.events.retry.3",
		"inventory.parked"}, names)
	require.ElementsMatch(t, []bus.Binding{
		{"inventory.parked", "shop.dead", "inventory.commands"}, {"inventory.parked", "shop.dead", "inventory.events"},
		{"inventory.commands", "shop.commands", "stock.reserve.v1"}, {"inventory.commands", "shop.commands", "stock.release.v1"},
		{"inventory.commands", "shop.commands", "stock.commit.v1"}, {"inventory.commands", "shop.commands", "stock.return.v1"},
		{"inventory.events", "shop.events", "order.confirmed.v1"},
	}, topology.Bindings)

	_, err = bus.Queues{Service: "inventory", Hears: []string{"payment.charge"}}.Topology()
	require.ErrorContains(t, err, "payment.charge")
	_, err = bus.Queues{Service: "inventory", Retry: []time.Duration{time.Microsecond}}.Topology()
	require.ErrorContains(t, err, "millisecond")
}

func TestDeclaringAgainChangesNothingAndAConflictSaysWhatDiffers(t *testing.T) {
	t.Parallel()
	l := lab.New(t)
	topology := shop(t, l)
	require.NoError(t, bus.Declare(t.Context(), config(t, l.DirectURL), bus.Shared(), topology))

	other := inventory
	other.Retry = []time.Duration{waits[0], 7 * time.Millisecond}
	changed, err := other.Topology()
	require.NoError(t, err)
	err = bus.Declare(t.Context(), config(t, l.DirectURL), changed)
	var no *amqp.Error
	require.ErrorAs(t, err, &no)
	require.Equal(t, amqp.PreconditionFailed, no.Code)
	require.ErrorContains(t, err, "inventory.commands.retry.2")
	require.ErrorContains(t, err, "x-message-ttl")
}

func TestDeclareWaitsForTheBroker(t *testing.T) {
	t.Parallel()
	l := lab.New(t)
	l.Tap.Refuse(true)
	call := l.Go("Declare", func(ctx context.Context) error { return bus.Declare(ctx, config(t, l.URL), bus.Shared()) })
	l.Settle()
	l.Tap.Refuse(false)
	require.NoError(t, call.Wait())
}

// Each service works with its own rights, and with these alone.
func TestPermissions(t *testing.T) {
	t.Parallel()
	l := lab.New(t)
	shop(t, l)
	payment, err := bus.Queues{Service: "payment"}.Topology()
	require.NoError(t, err)
	require.NoError(t, bus.Declare(t.Context(), config(t, l.DirectURL), payment))
	rights := inventory
	rights.Broadcasts = []string{"order.cancelled"}
	address := as(t, l, rights)

	topology, err := inventory.Topology()
	require.NoError(t, err)
	f := &failing{with: map[string]error{"order-1": context.DeadlineExceeded, "order-2": events.ErrMalformed}}
	publish(t, l, commands(t, 3))
	c := consumer(t, l, topology, f.Handle)
	c.URLs = []string{address}
	run := l.Go("Run", c.Run)
	heard := make(chan events.Message, 1)
	b := &bus.Broadcast{Config: config(t, address), Hears: []string{"order.cancelled"},
		Handle: func(_ context.Context, m events.Message) error { heard <- m; return nil }}
	ready := make(chan struct{}, 1)
	b.Missed = func() { ready <- struct{}{} }
	broadcast := l.Go("Broadcast", b.Run)
	l.Await("two are parked", func() bool { return l.Depth(parked) == 2 })
	<-ready
	cancelled, err := events.New(events.OrderCancelled{Order: "order-1"}, events.About{Service: "order", Now: time.Now()})
	require.NoError(t, err)
	publish(t, l, []events.Message{cancelled})
	require.Equal(t, cancelled.ID, (<-heard).ID)
	require.NoError(t, run.Stopped())
	require.NoError(t, broadcast.Stopped())
	released, err := events.New(events.StockReleased{Order: "order-1"}, events.About{Service: "inventory", Now: time.Now()})
	require.NoError(t, err)
	p := publisher(t, 1, address)
	none(t, p.Publish(t.Context(), []events.Message{released}))
	moved, stuck, err := bus.Replay(t.Context(), config(t, address), parked, 1)
	require.NoError(t, err)
	require.Equal(t, 1, moved)
	require.Empty(t, stuck)

	for name, forbidden := range map[string]func(ch *amqp.Channel) error{
		"consume another's queue": func(ch *amqp.Channel) error {
			_, err := ch.Consume("payment.commands", "", false, false, false, false, nil)
			return err
		},
		"get from another's dead ones": func(ch *amqp.Channel) error { _, _, err := ch.Get("payment.parked", true); return err },
		"purge another's queue": func(ch *amqp.Channel) error {
			_, err := ch.QueuePurge("payment.commands", false)
			return err
		},
		"delete another's queue": func(ch *amqp.Channel) error {
			_, err := ch.QueueDelete("payment.commands", false, false, false)
			return err
		},
		"take another's commands": func(ch *amqp.Channel) error {
			return ch.QueueUnbind("payment.commands", "payment.charge.v1", events.Commands, nil)
		},
		"declare what is not its own": func(ch *amqp.Channel) error {
			_, err := ch.QueueDeclare("inventory-spy", true, false, false, false, nil)
			return err
		},
		"declare an exchange": func(ch *amqp.Channel) error {
			return ch.ExchangeDeclare("shop.events", "topic", true, false, false, false, nil)
		},
		"delete an exchange": func(ch *amqp.Channel) error { return ch.ExchangeDelete("shop.events", false, false) },
		"command": func(ch *amqp.Channel) error {
			if err := ch.Publish(events.Commands, "payment.refund.v1", true, false, amqp.Publishing{}); err != nil {
				return err
			}
			// The answer to the publish comes before that to this.
			_, err := ch.QueueDeclarePassive("inventory.commands", true, false, false, false, nil)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			conn, err := amqp.Dial(address)
			require.NoError(t, err)
			defer conn.Close()
			ch, err := conn.Channel()
			require.NoError(t, err)
			var no *amqp.Error
			require.ErrorAs(t, forbidden(ch), &no)
			require.Equal(t, amqp.AccessRefused, no.Code, no)
		})
	}
	only := bus.Permissions{Configure: "^()$", Write: `^(shop\.events)$`, Read: "^()$"}
	require.Equal(t, only, bus.Queues{Service: "user"}.Permissions())
}

// as makes a user with a service's rights, and returns the URL with which it connects to the lab's virtual host.
func as(t *testing.T, l *lab.Lab, q bus.Queues) string {
	client, err := management.New(l.Nodes[0].Info().Management)
	require.NoError(t, err)
	name := q.Service + "-" + l.VHost
	require.NoError(t, client.PutUser(t.Context(), name, management.User{Password: "pw"}))
	t.Cleanup(func() { _ = client.DeleteUser(context.Background(), name) })
	p := q.Permissions()
	require.NoError(t, client.PutPermissions(t.Context(), l.VHost, name, management.Permissions(p)))
	address, err := url.Parse(l.DirectURL)
	require.NoError(t, err)
	address.User = url.UserPassword(name, "pw")
	return address.String()
}
