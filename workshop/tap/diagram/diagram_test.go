package diagram_test

import (
	"context"
	"flag"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"warren.example/workshop/tap"
	"warren.example/workshop/tap/diagram"
	"warren.example/workshop/wire"
)

// Commit changed golden files only after reading the difference: what a learner sees has changed.
var update = flag.Bool("update", false, "write the golden files in testdata")

// golden compares a diagram with testdata/<test's name>.txt.
func golden(t *testing.T, c diagram.Config, events ...tap.Event) {
	t.Helper()
	for i := range events {
		if events[i].Seq == 0 {
			events[i].Seq = i + 1
		}
	}
	var got strings.Builder
	require.NoError(t, c.Draw(&got, events))
	path := filepath.Join("testdata", strings.ReplaceAll(t.Name(), "/", "-")+".txt")
	if *update {
		require.NoError(t, os.MkdirAll("testdata", 0o755))
		require.NoError(t, os.WriteFile(path, []byte(got.String()), 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err, "write it with: go test ./tap/diagram -update")
	require.Equal(t, string(want), got.String(), "if it should look so: go test ./tap/diagram -update")
}

// Shorthands for events of connection 1.

func you(channel uint16, m wire.Method) tap.Event {
	return tap.Event{Conn: 1, Channel: channel, From: tap.Client, Method: m}
}

func broker(channel uint16, m wire.Method) tap.Event {
	return tap.Event{Conn: 1, Channel: channel, From: tap.Broker, Method: m}
}

func publish(number uint64, bytes uint64) tap.Event {
	e := you(1, &wire.BasicPublish{RoutingKey: "orders"})
	e.Number, e.BodySize = number, bytes
	return e
}

func met(fate tap.Fate, fault string, e tap.Event) tap.Event {
	e.Fate, e.Fault = fate, fault
	return e
}

func handshake() []tap.Event {
	table := func(name, value string) wire.Table { return wire.Table{{Name: name, Value: wire.String(value)}} }
	return []tap.Event{
		broker(0, &wire.ConnectionStart{ServerProperties: append(table("product", "RabbitMQ"), table("version", "4.0.5")...)}),
		you(0, &wire.ConnectionStartOk{ClientProperties: table("connection_name", "hello"), Mechanism: "PLAIN"}),
		broker(0, &wire.ConnectionTune{ChannelMax: 2047, FrameMax: 131072, Heartbeat: 60}),
		you(0, &wire.ConnectionTuneOk{ChannelMax: 2047, FrameMax: 131072, Heartbeat: 10}),
		you(0, &wire.ConnectionOpen{VirtualHost: "/shop"}),
		broker(0, &wire.ConnectionOpenOk{}),
		you(1, &wire.ChannelOpen{}),
		broker(1, &wire.ChannelOpenOk{}),
	}
}

func farewell() []tap.Event {
	return []tap.Event{
		you(0, &wire.ConnectionClose{ReplyCode: 200, ReplyText: "kthxbai"}),
		broker(0, &wire.ConnectionCloseOk{}),
	}
}

func TestFromHandshakeToClose(t *testing.T) {
	t.Parallel()
	events := append(handshake(),
		you(1, &wire.QueueDeclare{Queue: "orders", Durable: true}),
		broker(1, &wire.QueueDeclareOk{Queue: "orders", MessageCount: 3}),
		publish(0, 19),
	)
	golden(t, diagram.Config{}, append(events, farewell()...)...)
}

func TestTheSameAgainAndAgainIsFolded(t *testing.T) {
	t.Parallel()
	var events []tap.Event
	for n := uint64(1); n <= 98; n++ {
		events = append(events, publish(n, 5+n/50))
		if n%2 == 0 {
			events = append(events, broker(1, &wire.BasicAck{DeliveryTag: n, Multiple: true}))
		}
	}
	events = append(events,
		you(1, &wire.BasicConsume{Queue: "orders", ConsumerTag: "c"}),
		broker(1, &wire.BasicConsumeOk{ConsumerTag: "c"}),
	)
	for n := uint64(1); n <= 3; n++ {
		events = append(events, broker(1, &wire.BasicDeliver{ConsumerTag: "c", DeliveryTag: n}))
	}
	golden(t, diagram.Config{}, events...)
}

func TestAFewAreDrawnInTheirOrder(t *testing.T) {
	t.Parallel()
	var events []tap.Event
	for n := uint64(1); n <= 3; n++ {
		events = append(events, publish(n, 5), broker(1, &wire.BasicReturn{ReplyCode: 312, ReplyText: "NO_ROUTE", RoutingKey: "orders"}), broker(1, &wire.BasicAck{DeliveryTag: n}))
	}
	golden(t, diagram.Config{}, events...)
}

// The many are one group each; the one refusal among them is not.
func TestOneAmongManyIsDrawn(t *testing.T) {
	t.Parallel()
	var events []tap.Event
	for n := uint64(1); n <= 9; n++ {
		events = append(events, publish(n, 5))
		if n == 5 {
			events = append(events, broker(1, &wire.BasicNack{DeliveryTag: n}))
		} else {
			events = append(events, broker(1, &wire.BasicAck{DeliveryTag: n}))
		}
	}
	golden(t, diagram.Config{}, events...)
}

func TestUnfolded(t *testing.T) {
	t.Parallel()
	var events []tap.Event
	for n := uint64(1); n <= 6; n++ {
		events = append(events, publish(n, 5))
	}
	golden(t, diagram.Config{Unfolded: true}, events...)
}

func TestFaultsAndNotesStandWhereTheyHappened(t *testing.T) {
	t.Parallel()
	const (
		drop   = "drop the 2nd basic.publish from you"
		hold   = "hold each basic.deliver from broker"
		nack   = "turn the ack of the 3rd basic.publish from you into a nack"
		cancel = "cancel consumer"
	)
	golden(t, diagram.Config{},
		publish(1, 5),
		met(tap.Dropped, drop, publish(2, 5)),
		publish(3, 5),
		met(tap.Changed, drop, broker(1, &wire.BasicAck{DeliveryTag: 1})),
		met(tap.Dropped, nack, broker(1, &wire.BasicAck{DeliveryTag: 3})),
		met(tap.Injected, nack, broker(1, &wire.BasicNack{DeliveryTag: 3, Requeue: true})),
		tap.Event{From: tap.Here, Text: "handler of order-7 runs"},
		met(tap.Held, hold, broker(1, &wire.BasicDeliver{DeliveryTag: 1})),
		met(tap.Delayed, "delay each basic.ack by 5ms", you(1, &wire.BasicAck{DeliveryTag: 1})),
		met(tap.Injected, cancel, tap.Event{Conn: 1, Channel: 1, From: tap.Here, Method: &wire.BasicCancel{ConsumerTag: "c"}}),
		met(tap.Dropped, cancel, broker(1, &wire.BasicCancelOk{ConsumerTag: "c"})),
	)
}

func TestManyOfTheSameFateAreFoldedTogether(t *testing.T) {
	t.Parallel()
	var events []tap.Event
	for n := uint64(1); n <= 9; n++ {
		events = append(events, met(tap.Dropped, "drop each basic.publish from you", publish(n, 5)))
	}
	golden(t, diagram.Config{}, append(events, publish(10, 5))...)
}

func TestChannelsAreToldApart(t *testing.T) {
	t.Parallel()
	golden(t, diagram.Config{},
		you(1, &wire.ChannelOpen{}),
		you(2, &wire.ChannelOpen{}),
		broker(2, &wire.ChannelClose{ReplyCode: 404, ReplyText: "NOT_FOUND - no queue 'orders' in vhost '/'"}),
		you(0, &wire.ConnectionClose{ReplyCode: 200, ReplyText: "bye"}),
	)
}

func TestWhatIsTooLongIsCut(t *testing.T) {
	t.Parallel()
	golden(t, diagram.Config{Width: 60}, you(1, &wire.QueueDeclare{Queue: strings.Repeat("long", 30)}))
}

func TestNothingToDraw(t *testing.T) {
	t.Parallel()
	golden(t, diagram.Config{})
}

// TestARecording draws what a real tap saw: two connections, a note during both and notes around them.
func TestARecording(t *testing.T) {
	t.Parallel()
	target, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer target.Close()
	tp, err := tap.Start(tap.Config{Target: target.Addr().String()})
	require.NoError(t, err)
	defer tp.Close()
	rule := tp.Add(tap.Cut{On: tap.Trigger{Filter: tap.Filter{From: tap.Client, Method: "basic.publish"}, Nth: 1}})

	r := recording{t: t, Recording: tp.Recording()}
	r.Note("before all")
	first, firstBroker := r.connect(tp.Addr(), target)
	r.write(first, wire.AppendProtocolHeader(nil, wire.AMQP091))
	for _, e := range handshake() {
		r.say(map[tap.Side]net.Conn{tap.Client: first, tap.Broker: firstBroker}[e.From], e)
	}
	second, secondBroker := r.connect(tp.Addr(), target)
	r.write(second, []byte("hello?"))
	r.Note("during both")
	r.say(first, publish(0, 0))
	require.NoError(t, rule.Wait(context.Background()))
	r.ended(1)
	require.NoError(t, second.Close())
	r.ended(2)
	require.NoError(t, secondBroker.Close())
	r.Note("after all")
	golden(t, diagram.Config{}, tp.Recording().All()...)
}

// recording makes two sockets talk one step at a time: the next when the one before is recorded.
type recording struct {
	*tap.Recording
	t *testing.T
}

func (r recording) connect(address string, target net.Listener) (client, broker net.Conn) {
	client, err := net.Dial("tcp", address)
	require.NoError(r.t, err)
	broker, err = target.Accept()
	require.NoError(r.t, err)
	r.t.Cleanup(func() { client.Close(); broker.Close() })
	return client, broker
}

func (r recording) say(from net.Conn, e tap.Event) {
	data, err := wire.AppendMethodFrame(nil, e.Channel, e.Method)
	require.NoError(r.t, err)
	if wire.HasContent(e.Method) {
		header, err := wire.AppendHeader(nil, &wire.ContentHeader{Class: 60})
		require.NoError(r.t, err)
		data = wire.AppendFrame(data, wire.Frame{Type: wire.FrameHeader, Channel: e.Channel, Payload: header})
	}
	r.write(from, data)
}

// write returns when what it wrote is recorded.
func (r recording) write(from net.Conn, data []byte) {
	before := len(r.All())
	_, err := from.Write(data)
	require.NoError(r.t, err)
	_, err = r.Wait(context.Background(), tap.Filter{}, before+1)
	require.NoError(r.t, err)
}

// ended returns when n connections have ended.
func (r recording) ended(n int) {
	_, err := r.Wait(context.Background(), tap.Filter{Method: "disconnect"}, n)
	require.NoError(r.t, err)
}
