package queue_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"warren.example/workshop/minirabbit/internal/queue"
	"warren.example/workshop/minirabbit/internal/version"
	"warren.example/workshop/wire"
)

// All texts were seen on 3.10.8 and 4.0.5.
func TestDeclaringAgainMustSayTheSame(t *testing.T) {
	const locked = "405 RESOURCE_LOCKED - cannot obtain exclusive access to locked queue 'q' in vhost '/'. It could be originally " +
		"declared on another connection or the exclusive property value does not match that of the original declaration."
	differs := func(name, received, current string) [2]string {
		text := "406 PRECONDITION_FAILED - inequivalent arg '" + name + "' for queue 'q' in vhost '/': received " + received + " but current is " + current
		return [2]string{text, text}
	}
	type d = wire.QueueDeclare
	with := func(a table) d { return d{Durable: true, Arguments: arguments(a)} }
	five := with(table{"x-max-length": wire.Int32(5)})
	quorum := table{"x-queue-type": wire.String("quorum")}
	fine := [2]string{"ok", "ok"}
	for _, c := range []struct {
		first, second d
		want          [2]string // 3.10, 4.0
	}{
		{d{Durable: true}, d{}, differs("durable", "'false'", "'true'")},
		{d{Durable: true}, d{Durable: true, AutoDelete: true}, differs("auto_delete", "'true'", "'false'")},
		{d{Durable: true}, d{AutoDelete: true, Arguments: five.Arguments}, differs("durable", "'false'", "'true'")},
		{d{Durable: true}, d{Durable: true, Exclusive: true}, [2]string{locked, locked}},
		{d{Durable: true, Exclusive: true}, d{Durable: true}, [2]string{locked, locked}},
		{d{Exclusive: true}, d{Durable: true, Exclusive: true}, fine},
		{d{Durable: true}, five, differs("x-max-length", "the value '5' of type 'signedint'", "none")},
		{five, d{Durable: true}, differs("x-max-length", "none", "the value '5' of type 'signedint'")},
		{five, with(table{"x-max-length": wire.Int64(5)}), fine},
		{five, with(table{"x-max-length": wire.Int64(6)}), differs("x-max-length", "'6'", "'5'")},
		{five, with(table{"x-max-length": wire.String("5")}), differs("x-max-length", "'5'", "'5'")},
		{five, with(table{"x-max-length": wire.Float64(5)}), differs("x-max-length", "'5.0'", "'5'")},
		{five, with(table{"x-max-length": wire.Float64(6.5)}), differs("x-max-length", "'6.5'", "'5'")},
		{five, with(table{"x-max-length": wire.Bool(true)}), differs("x-max-length", "'true'", "'5'")},
		{five, with(table{"x-max-length": wire.Void{}}), differs("x-max-length", "none", "'5'")},
		{five, with(table{"x-max-length": wire.Table{{Name: "a", Value: wire.Int32(1)}, {Name: "b", Value: wire.String("x")}}}),
			differs("x-max-length", `'[{<<"a">>,signedint,1},{<<"b">>,longstr,<<"x">>}]'`, "'5'")},
		{five, with(table{"x-max-length": wire.Array{wire.Int32(1), wire.String("x")}}), differs("x-max-length", `'[{signedint,1},{longstr,<<"x">>}]'`, "'5'")},
		{with(table{"x-dead-letter-exchange": wire.String("a")}), with(table{"x-dead-letter-exchange": wire.String("b")}), differs("x-dead-letter-exchange", "'b'", "'a'")},
		{with(table{"x-dead-letter-exchange": wire.String("a")}), d{Durable: true}, differs("x-dead-letter-exchange", "none", "the value 'a' of type 'longstr'")},
		{d{Durable: true}, with(table{"x-queue-type": wire.String("classic")}), fine},
		{with(table{"x-queue-type": wire.String("classic")}), d{Durable: true}, fine},
		{with(quorum), d{Durable: true}, [2]string{
			differs("x-queue-type", "none", "the value 'quorum' of type 'longstr'")[0], differs("x-queue-type", "'classic'", "'quorum'")[0]}},
		{d{Durable: true}, with(quorum), [2]string{
			differs("x-queue-type", "the value 'quorum' of type 'longstr'", "none")[0], differs("x-queue-type", "'quorum'", "'classic'")[0]}},
		{with(quorum), d{Arguments: arguments(quorum)}, differs("durable", "'false'", "'true'")},
		{with(quorum), with(table{"x-queue-type": wire.String("quorum"), "x-delivery-limit": wire.Int32(3)}), differs("x-delivery-limit", "the value '3' of type 'signedint'", "none")},
		{with(quorum), with(table{"x-queue-type": wire.String("quorum"), "x-queue-mode": wire.String("lazy")}), fine},
		{d{Durable: true}, with(table{"x-unknown": wire.Int32(1)}), fine},
		{d{Durable: true}, with(table{"x-delivery-limit": wire.Int32(1)}), fine},
		{d{Durable: true}, with(table{"x-message-ttl": wire.String("bad")}), differs("x-message-ttl", "the value 'bad' of type 'longstr'", "none")},
		{with(table{"x-single-active-consumer": wire.Bool(true)}), with(table{"x-single-active-consumer": wire.Bool(false)}), differs("x-single-active-consumer", "'false'", "'true'")},
		{d{Durable: true}, with(table{"x-max-length": wire.Int32(1), "x-expires": wire.Int32(1000), "x-message-ttl": wire.Int32(1)}), differs("x-expires", "the value '1000' of type 'signedint'", "none")},
		{d{Durable: true}, with(table{"x-max-priority": wire.Int32(1), "x-overflow": wire.String("drop-head"), "x-queue-type": wire.String("quorum")}), differs("x-max-priority", "the value '1' of type 'signedint'", "none")},
	} {
		for i, v := range []version.Version{version.V310, version.V40} {
			c.first.Queue, c.second.Queue = "q", "q"
			s, err := queue.ParseArguments(v, "/", &c.first)
			require.Nil(t, err)
			require.Equal(t, c.want[i], told(s.Equivalent(v, &c.second, true)), "%s: %s then %s", v, &c.first, &c.second)
		}
	}
}

func TestAnExclusiveQueueIsLockedForOthers(t *testing.T) {
	declare := &wire.QueueDeclare{Queue: "q", Exclusive: true}
	s, err := queue.ParseArguments(version.V40, "/", declare)
	require.Nil(t, err)
	require.Nil(t, s.Equivalent(version.V40, declare, true))
	require.Equal(t, s.Locked(), s.Equivalent(version.V40, declare, false))
}

func TestFloatsArePrintedAsByErlang(t *testing.T) {
	s, err := queue.ParseArguments(version.V40, "/", &wire.QueueDeclare{Queue: "q", Durable: true, Arguments: arguments(table{"x-max-length": wire.Int32(5)})})
	require.Nil(t, err)
	for f, want := range map[float64]string{
		5: "5.0", 6.5: "6.5", 100: "100.0", 1000: "1.0e3", 12345: "12345.0", 0.5: "0.5", 0.05: "0.05", 1e-5: "1.0e-5", -2.5: "-2.5",
		123456789: "123456789.0", 1.5e300: "1.5e300", 0: "0.0",
	} {
		err := s.Equivalent(version.V40, &wire.QueueDeclare{Durable: true, Arguments: arguments(table{"x-max-length": wire.Float64(f)})}, false)
		require.Contains(t, told(err), "received '"+want+"' but", want)
	}
}
