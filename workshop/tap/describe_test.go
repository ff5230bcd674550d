package tap_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"warren.example/workshop/tap"
	"warren.example/workshop/wire"
)

func TestEventsPrintThemselves(t *testing.T) {
	t.Parallel()
	publish := tap.Event{From: tap.Client, Method: &wire.BasicPublish{RoutingKey: "orders"}, BodySize: 19, Number: 3}
	deliver := tap.Event{From: tap.Broker, Method: &wire.BasicDeliver{ConsumerTag: "c", DeliveryTag: 7}, BodySize: 1}
	for _, c := range []struct {
		event       tap.Event
		long, short string
	}{
		{publish, `you → broker  basic.publish exchange="" key="orders" 19 bytes`, `you→broker publish #3 key="orders" 19 bytes`},
		{deliver, `broker → you  basic.deliver consumer="c" tag=7 exchange="" key="" 1 byte`, `broker→you deliver tag=7`},
		{
			tap.Event{From: tap.Client, Method: &wire.BasicAck{DeliveryTag: 7, Multiple: true}},
			`you → broker  basic.ack tag=7 multiple`, `you→broker ack tag=7 multiple`,
		},
		{
			tap.Event{From: tap.Client, Method: &wire.QueueDeclare{Queue: "orders", Durable: true}},
			`you → broker  queue.declare queue="orders" durable`, `you→broker queue.declare queue="orders" durable`,
		},
		{
			tap.Event{From: tap.Broker, Method: &wire.BasicReturn{
				ReplyCode: 312, ReplyText: "NO_ROUTE", Exchange: "shop", RoutingKey: "k",
			}},
			`broker → you  basic.return code=312 text="NO_ROUTE" exchange="shop" key="k" 0 bytes`,
			`broker→you return 312 NO_ROUTE exchange="shop" key="k"`,
		},
		{
			tap.Event{From: tap.Broker, Method: ack(1), Fate: tap.Dropped, Fault: "drop each basic.ack"},
			`broker → you  basic.ack tag=1 (dropped: drop each basic.ack)`, `broker→you ack tag=1 (dropped)`,
		},
		{
			tap.Event{
				From: tap.Here, Method: &wire.BasicCancel{ConsumerTag: "c"}, Fate: tap.Injected, Fault: "cancel consumer",
			},
			`tap → broker  basic.cancel consumer="c" (injected: cancel consumer)`,
			`tap→broker cancel consumer="c" (injected)`,
		},
		{
			tap.Event{From: tap.Client, Method: &wire.BasicConsume{Queue: "q", ConsumerTag: "ctag-/tmp/go-build12/b001/rpc.test-1"}},
			`you → broker  basic.consume queue="q" consumer="ctag-…/rpc.test-1"`, `you→broker consume queue="q" consumer="ctag-…/rpc.test-1"`,
		},
		{
			tap.Event{From: tap.Broker, Method: &wire.BasicConsumeOk{ConsumerTag: `ctag-C:\Temp\rpc.test.exe-1`}},
			`broker → you  basic.consume-ok consumer="ctag-…/rpc.test.exe-1"`, `broker→you consume-ok consumer="ctag-…/rpc.test.exe-1"`,
		},
		{
			tap.Event{From: tap.Broker, Method: &wire.BasicCancel{ConsumerTag: "orders/one"}},
			`broker → you  basic.cancel consumer="orders/one"`, `broker→you cancel consumer="orders/one"`,
		},
		{tap.Event{From: tap.Here, Text: "handler runs"}, `tap  handler runs`, `[handler runs]`},
	} {
		require.Equal(t, c.long, c.event.String())
		require.Equal(t, c.short, tap.Short(c.event))
	}
	require.Equal(t, `broker→you deliver tag=7 · you→broker publish #3 key="orders" 19 bytes`, tap.Short(deliver, publish))
	require.Empty(t, tap.Short())
	deliver.Method.(*wire.BasicDeliver).Redelivered = true
	require.Equal(t, `broker→you deliver tag=7 redelivered`, tap.Short(deliver))
}

func TestALineOfSeveralChannelsOrConnectionsTellsThemApart(t *testing.T) {
	t.Parallel()
	on := func(conn int, channel uint16) tap.Event {
		return tap.Event{Conn: conn, Channel: channel, From: tap.Client, Method: ack(7)}
	}
	note := tap.Event{From: tap.Here, Text: "lost"}
	closes := tap.Event{Conn: 1, From: tap.Client, Method: &wire.ConnectionClose{ReplyCode: 200, ReplyText: "bye"}}
	for want, events := range map[string][]tap.Event{
		`you→broker ack tag=7 · [lost] · you→broker ack tag=7`:                                            {on(1, 2), note, on(1, 2)},
		`you→broker (channel 1) ack tag=7 · you→broker (channel 2) ack tag=7`:                             {on(1, 1), on(1, 2)},
		`you→broker (connection 1) ack tag=7 · you→broker (connection 2) ack tag=7`:                       {on(1, 1), on(2, 1)},
		`you→broker (connection 1, channel 1) ack tag=7 · you→broker (connection 2, channel 3) ack tag=7`: {on(1, 1), on(2, 3)},
		`you→broker ack tag=7 · you→broker connection.close 200 "bye"`:                                    {on(1, 1), closes},
	} {
		require.Equal(t, want, tap.Short(events...))
	}
}
