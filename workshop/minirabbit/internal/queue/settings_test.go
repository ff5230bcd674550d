package queue_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"warren.example/workshop/minirabbit/internal/fault"
	"warren.example/workshop/minirabbit/internal/queue"
	"warren.example/workshop/minirabbit/internal/version"
	"warren.example/workshop/wire"
)

// told is how an error is written in the tables below: "406 …", "CONNECTION 541 …", "ok".
func told(err *fault.Error) string {
	if err == nil {
		return "ok"
	}
	if err.Connection {
		return "CONNECTION " + err.Error()
	}
	return err.Error()
}

const (
	wrong  = "406 PRECONDITION_FAILED - invalid arg '"
	of     = "' for queue 'q' in vhost '/'"
	kindIs = " of queue type rabbit_"
)

// The texts of 3.10.8 and 4.0.5 were seen on such nodes.
func TestWrongArgumentsAreRefusedAsByRabbitMQ(t *testing.T) {
	quorum, stream := wire.String("quorum"), wire.String("stream")
	for _, c := range []struct {
		arguments table
		want      string
	}{
		{table{"x-queue-type": wire.String("wrong")}, wrong + "x-queue-type" + of + `: "unsupported queue type 'wrong'"`},
		{table{"x-queue-type": wire.String("")}, wrong + "x-queue-type" + of + `: "unsupported queue type ''"`},
		{table{"x-queue-type": wire.Int32(5)}, wrong + "x-queue-type" + of + ": {unacceptable_type,signedint}"},
		{table{"x-message-ttl": wire.String("ü")}, wrong + "x-message-ttl" + of + `: "expected integer, got longstr"`},
		{table{"x-message-ttl": wire.Int32(-1)}, wrong + "x-message-ttl" + of + ": {value_negative,-1}"},
		{table{"x-message-ttl": wire.Int64(315360000001)}, wrong + "x-message-ttl" + of + ": {value_too_large,315360000001}"},
		{table{"x-message-ttl": wire.Float64(1.5)}, wrong + "x-message-ttl" + of + `: "expected integer, got double"`},
		{table{"x-message-ttl": wire.Bool(true)}, wrong + "x-message-ttl" + of + `: "expected integer, got bool"`},
		{table{"x-message-ttl": wire.Void{}}, wrong + "x-message-ttl" + of + `: "expected integer, got void"`},
		{table{"x-message-ttl": wire.Bytes("ab")}, wrong + "x-message-ttl" + of + `: "expected integer, got binary"`},
		{table{"x-message-ttl": wire.Decimal{}}, wrong + "x-message-ttl" + of + `: "expected integer, got decimal"`},
		{table{"x-message-ttl": wire.Table{}}, wrong + "x-message-ttl" + of + `: "expected integer, got table"`},
		{table{"x-expires": wire.Int32(0)}, wrong + "x-expires" + of + ": {value_zero,0}"},
		{table{"x-expires": wire.Int32(-5)}, wrong + "x-expires" + of + ": {value_negative,-5}"},
		{table{"x-max-length": wire.Int32(-1)}, wrong + "x-max-length" + of + ": {value_negative,-1}"},
		{table{"x-max-length-bytes": wire.String("x")}, wrong + "x-max-length-bytes" + of + `: "expected integer, got longstr"`},
		{table{"x-overflow": wire.String("bad")}, wrong + "x-overflow" + of + ": invalid_overflow"},
		{table{"x-overflow": wire.Int32(1)}, wrong + "x-overflow" + of + ": {unacceptable_type,signedint}"},
		{table{"x-dead-letter-exchange": wire.Int32(1)}, "406 PRECONDITION_FAILED - invalid type 'signedint' for arg 'x-dead-letter-exchange' in queue 'q' in vhost '/'"},
		{table{"x-dead-letter-routing-key": wire.String("a")}, wrong + "x-dead-letter-routing-key" + of + ": routing_key_but_no_dlx_defined"},
		{table{"x-dead-letter-exchange": wire.String("a"), "x-dead-letter-routing-key": wire.Int32(3)}, wrong + "x-dead-letter-routing-key" + of + ": {unacceptable_type,signedint}"},
		{table{"x-dead-letter-strategy": wire.String("at-least-once")}, wrong + "x-dead-letter-strategy" + of + kindIs + "classic_queue"},
		{table{"x-queue-type": quorum, "x-dead-letter-strategy": wire.String("bad")}, wrong + "x-dead-letter-strategy" + of + ": invalid_dlx_strategy"},
		{table{"x-queue-type": quorum, "x-max-age": wire.String("1h")}, wrong + "x-max-age" + of + kindIs + "quorum_queue"},
		{table{"x-delivery-limit": wire.Int32(3)}, wrong + "x-delivery-limit" + of + kindIs + "classic_queue"},
		{table{"x-single-active-consumer": wire.String("true")}, wrong + "x-single-active-consumer" + of + ": {unacceptable_type,longstr}"},
		{table{"x-max-priority": wire.Int32(256)}, wrong + "x-max-priority" + of + ": {max_value_exceeded,256}"},
		{table{"x-queue-type": quorum, "x-max-priority": wire.Int32(2)}, wrong + "x-max-priority" + of + kindIs + "quorum_queue"},
		{table{"x-queue-type": quorum, "x-queue-mode": wire.String("lazy")}, wrong + "x-queue-mode" + of + kindIs + "quorum_queue"},
		{table{"x-queue-version": wire.Int32(3)}, wrong + "x-queue-version" + of + `: "unsupported queue version '3'"`},
		{table{"x-queue-type": quorum, "x-queue-leader-locator": wire.String("bad")}, wrong + "x-queue-leader-locator" + of + ": invalid_queue_locator_arg"},
		{table{"x-queue-type": quorum, "x-quorum-initial-group-size": wire.Int32(0)}, wrong + "x-quorum-initial-group-size" + of + ": {value_zero,0}"},
		{table{"x-queue-type": stream, "x-max-age": wire.String("1")}, wrong + "x-max-age" + of + ": invalid_max_age"},
		{table{"x-queue-type": stream, "x-max-age": wire.String("0h")}, wrong + "x-max-age" + of + ": invalid_max_age"},
		{table{"x-queue-type": stream, "x-max-age": wire.Int32(1)}, wrong + "x-max-age" + of + ": {unacceptable_type,signedint}"},
		{table{"x-queue-type": stream, "x-message-ttl": wire.Int32(1)}, wrong + "x-message-ttl" + of + kindIs + "stream_queue"},
		{table{"x-queue-type": stream, "x-single-active-consumer": wire.Bool(true)}, wrong + "x-single-active-consumer" + of + kindIs + "stream_queue"},
		{table{"x-queue-type": stream, "x-stream-max-segment-size-bytes": wire.Int64(3000000001)}, "406 PRECONDITION_FAILED - Exceeded max value for x-stream-max-segment-size-bytes"},
		{table{"x-message-ttl": wire.Int32(-1), "x-expires": wire.Int32(0)}, wrong + "x-expires" + of + ": {value_zero,0}"},
		{table{"x-message-ttl": wire.Int32(-1), "x-max-age": wire.String("1h")}, wrong + "x-message-ttl" + of + ": {value_negative,-1}"},
		{table{"x-max-priority": wire.Int32(5)}, "CONNECTION 540 NOT_IMPLEMENTED - minirabbit doesn't know the argument 'x-max-priority' of queue 'q' in vhost '/'"},

		{table{"x-unknown": wire.Int32(1)}, "ok"},
		{table{"x-queue-type": quorum, "x-unknown": wire.Int32(1)}, "ok"},
		{table{"x-queue-type": quorum, "x-delivery-limit": wire.String("a")}, "ok"},
		{table{"x-queue-type": quorum, "x-overflow": wire.String("reject-publish-dlx")}, "ok"},
		{table{"x-queue-type": quorum, "x-max-in-memory-length": wire.Int32(1)}, "ok"},
		{table{"x-queue-type": stream, "x-max-age": wire.String("7D")}, "ok"},
	} {
		for _, v := range versions {
			_, err := queue.ParseArguments(v, "/", &wire.QueueDeclare{Queue: "q", Durable: true, Arguments: arguments(c.arguments)})
			require.Equal(t, c.want, told(err), "%s %s", v, arguments(c.arguments))
		}
	}
}

func TestVersionsTakeDifferentArguments(t *testing.T) {
	quorum, stream := wire.String("quorum"), wire.String("stream")
	age := wrong + "x-max-age" + of + ": invalid_max_age"
	for _, c := range []struct {
		arguments table
		want      [3]string // of 3.10.8, 4.0.5 and 4.3.5
	}{
		{table{"x-queue-leader-locator": wire.String("client-local")}, [3]string{wrong + "x-queue-leader-locator" + of + kindIs + "classic_queue", "ok", "ok"}},
		{table{"x-queue-mode": wire.String("lazy")}, [3]string{"ok", "ok", "ok"}},
		{table{"x-queue-mode": wire.String("bad")}, [3]string{wrong + "x-queue-mode" + of + `: "unsupported queue mode 'bad'"`, wrong + "x-queue-mode" + of + `: "unsupported queue mode 'bad'"`, "ok"}},
		{table{"x-queue-version": wire.Int32(1)}, [3]string{"ok", "ok", wrong + "x-queue-version" + of + `: "unsupported queue version '1'"`}},
		{table{"x-queue-type": wire.String("undefined")}, [3]string{wrong + "x-queue-type" + of + `: "unsupported queue type 'undefined'"`, "ok", "ok"}},
		{table{"x-queue-type": stream, "x-max-age": wire.String("bad")}, [3]string{"CONNECTION 541 INTERNAL_ERROR", "CONNECTION 541 INTERNAL_ERROR", age}},
		{table{"x-queue-type": stream, "x-stream-filter-size-bytes": wire.Int32(3)}, [3]string{"ok", "406 PRECONDITION_FAILED - Invalid value for  x-stream-filter-size-bytes", "406 PRECONDITION_FAILED - Invalid value for x-stream-filter-size-bytes"}},
		{table{"x-consumer-timeout": wire.Int32(1)}, [3]string{"ok", "ok", wrong + "x-consumer-timeout" + of + kindIs + "classic_queue"}},
		{table{"x-queue-type": quorum, "x-delayed-retry-type": wire.String("all")}, [3]string{"ok", "ok", "CONNECTION 540 NOT_IMPLEMENTED - minirabbit doesn't know"}},
	} {
		for i, v := range versions {
			_, err := queue.ParseArguments(v, "/", &wire.QueueDeclare{Queue: "q", Durable: true, Arguments: arguments(c.arguments)})
			require.Contains(t, told(err), c.want[i], "%s %s", v, arguments(c.arguments))
		}
	}
}

func TestPropertiesThatAKindDoesNotHave(t *testing.T) {
	for _, kind := range []string{"quorum", "stream"} {
		for _, c := range []struct {
			declare wire.QueueDeclare
			want    string
		}{
			{wire.QueueDeclare{Durable: true, AutoDelete: true}, "auto-delete"},
			{wire.QueueDeclare{Durable: true, Exclusive: true}, "exclusive-owner"},
			{wire.QueueDeclare{Exclusive: true, AutoDelete: true}, "auto-delete"},
			{wire.QueueDeclare{}, "non-durable"},
		} {
			c.declare.Queue = "q"
			c.declare.Arguments = arguments(table{"x-queue-type": wire.String(kind)})
			_, err := queue.ParseArguments(version.V40, "/", &c.declare)
			require.Equal(t, "406 PRECONDITION_FAILED - invalid property '"+c.want+"' for queue 'q' in vhost '/'", told(err))
		}
		err := queue.CheckServerNamed(version.V40, &wire.QueueDeclare{Arguments: arguments(table{"x-queue-type": wire.String(kind)})})
		require.Equal(t, "406 PRECONDITION_FAILED - Cannot declare a server-named queue for type rabbit_"+kind+"_queue", told(err))
	}
	require.Nil(t, queue.CheckServerNamed(version.V40, &wire.QueueDeclare{}))

	transient := &wire.QueueDeclare{Queue: "q"}
	_, err := queue.ParseArguments(version.V40, "/", transient)
	require.Nil(t, err)
	_, err = queue.ParseArguments(version.V43, "/", transient)
	require.Contains(t, told(err), "CONNECTION 541 INTERNAL_ERROR - Feature `transient_nonexcl_queues` is deprecated.\n")
	_, err = queue.ParseArguments(version.V43, "/", &wire.QueueDeclare{Queue: "q", Exclusive: true})
	require.Nil(t, err)
}

func TestArgumentsBecomeSettings(t *testing.T) {
	parse := func(v version.Version, a table) queue.Settings {
		s, err := queue.ParseArguments(v, "shop", &wire.QueueDeclare{Queue: "orders", Durable: true, Arguments: arguments(a)})
		require.Nil(t, err)
		return s
	}
	s := parse(version.V40, table{
		"x-message-ttl": wire.Int32(60000), "x-expires": wire.Int64(1000), "x-max-length": wire.Uint8(7), "x-max-length-bytes": wire.Int16(9),
		"x-overflow": wire.String("reject-publish-dlx"), "x-dead-letter-exchange": wire.String("dlx"), "x-dead-letter-routing-key": wire.String("k"),
		"x-single-active-consumer": wire.Bool(true),
	})
	require.Equal(t, "shop/orders/classic/reject-publish-dlx", s.VirtualHost+"/"+s.Name+"/"+s.Kind.String()+"/"+s.Overflow.String())
	require.Equal(t, []any{time.Minute, time.Second, int64(7), int64(9), "dlx", "k", true, -1},
		[]any{*s.MessageTTL, *s.Expires, *s.MaxLength, *s.MaxBytes, *s.DeadLetterExchange, *s.DeadLetterKey, s.SingleActive, s.DeliveryLimit})

	quorum := func(v version.Version, limit wire.Value) int {
		a := table{"x-queue-type": wire.String("quorum")}
		if limit != nil {
			a["x-delivery-limit"] = limit
		}
		return parse(v, a).DeliveryLimit
	}
	require.Equal(t, []int{-1, 20, 20}, []int{quorum(version.V310, nil), quorum(version.V40, nil), quorum(version.V43, nil)})
	require.Equal(t, []int{3, 0, -1}, []int{quorum(version.V40, wire.Int32(3)), quorum(version.V310, wire.Int32(-1)), quorum(version.V40, wire.Int32(-1))})

	strict := table{"x-queue-type": wire.String("quorum"), "x-dead-letter-exchange": wire.String(""), "x-dead-letter-strategy": wire.String("at-least-once")}
	require.False(t, parse(version.V40, strict).AtLeastOnce, "not while the head may be dropped")
	strict["x-overflow"] = wire.String("reject-publish")
	require.True(t, parse(version.V40, strict).AtLeastOnce)

	s = parse(version.V40, table{"x-queue-type": wire.String("stream"), "x-max-age": wire.String("2h"), "x-stream-max-segment-size-bytes": wire.Int32(100)})
	require.Equal(t, []any{2 * time.Hour, int64(100)}, []any{*s.MaxAge, s.SegmentBytes})

	require.Empty(t, parse(version.V310, nil).Arguments)
	require.Equal(t, `{x-max-length=1 x-queue-type="classic" y=2}`, parse(version.V40, table{"y": wire.Int32(2), "x-max-length": wire.Int32(1)}).Arguments.String())
}
