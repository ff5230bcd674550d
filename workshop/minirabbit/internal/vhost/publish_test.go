package vhost_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"warren.example/workshop/minirabbit/internal/version"
	"warren.example/workshop/minirabbit/internal/vhost"
	"warren.example/workshop/wire"
)

func TestWhatCannotBePublished(t *testing.T) {
	s := newStage(t, version.V40, func(c *vhost.Config) { c.MaxMessageSize = 10 })
	s.actor().does(&wire.ExchangeDeclare{Exchange: "inside", Type: "direct", Internal: true})
	to := func(exchange string) *wire.BasicPublish { return &wire.BasicPublish{Exchange: exchange} }
	none := wire.Properties{}
	s.actor().publishFails("404 NOT_FOUND - no exchange 'x' in vhost '/'", to("x"), none, "")
	s.actor().publishFails("403 ACCESS_REFUSED - cannot publish to internal exchange 'inside' in vhost '/'", to("inside"), none, "")
	s.actor().publishFails("connection 540 NOT_IMPLEMENTED - immediate=true", &wire.BasicPublish{Immediate: true}, none, "")
	s.actor().publishFails("406 PRECONDITION_FAILED - message size 11 is larger than configured max size 10", to(""), none, strings.Repeat("x", 11))
	s.actor().publishFails("406 PRECONDITION_FAILED - user_id property set to 'bob' but authenticated user was 'guest'", to(""),
		wire.Properties{UserId: wire.Some("bob")}, "")
	s.actor().publishFails("406 PRECONDITION_FAILED - invalid message: {unacceptable_type_in_header,\"CC\",longstr}", to(""),
		wire.Properties{Headers: table("CC", wire.String("q"))}, "")
	s.actor(func(c *vhost.ConnInfo) { c.Impersonator = true }).publish(to(""), wire.Properties{UserId: wire.Some("bob")}, "")
	s.actor().publish(to(""), wire.Properties{UserId: wire.Some("guest")}, "")
}

func TestDeliveryModesAreOneAndTwoBefore313(t *testing.T) {
	three := wire.Properties{DeliveryMode: wire.Some[uint8](3)}
	newStage(t, version.V310).actor().publishFails("406 PRECONDITION_FAILED - invalid message: {delivery_mode_unknown,3}", &wire.BasicPublish{}, three, "")
	newStage(t, version.V40).actor().publish(&wire.BasicPublish{}, three, "")
}

func TestExpirationIsANumberOfMilliseconds(t *testing.T) {
	s := newStage(t, version.V40)
	for text, problem := range map[string]string{
		"1s": `{leftover_string,"s"}`, "1.5": `{leftover_string,".5"}`, "-1": "{value_negative,-1}", "": "no_integer", " 5": "no_integer",
		"abc": "no_integer", "-": "no_integer", "315360000001": "{value_too_large,315360000001}", `12"x`: `{leftover_string,"\"x"}`,
	} {
		s.actor().publishFails("406 PRECONDITION_FAILED - invalid expiration '"+text+"': "+problem, &wire.BasicPublish{},
			wire.Properties{Expiration: wire.Some(text)}, "")
	}
	for _, text := range []string{"0", "+5", "-0", "007", "315360000000"} {
		s.actor().publish(&wire.BasicPublish{}, wire.Properties{Expiration: wire.Some(text)}, "")
	}
}

func TestConfirmsComeOncePerMessage(t *testing.T) {
	s := newStage(t, version.V40)
	a := s.actor()
	a.publishes("", "q", "before")
	a.does(&wire.ConfirmSelect{}, &wire.ConfirmSelect{}, durable("q", "x-max-length", wire.Int32(2), "x-overflow", wire.String("reject-publish")))
	a.told()
	a.publishes("", "q", "1", "2", "3")
	require.Equal(t, "ack 1\nack 2\nnack 3 and all before", a.told())
	a.publishes("amq.direct", "nobody", "unroutable is acked")
	require.Equal(t, "ack 4", a.told())
	require.Equal(t, 0, s.Snapshot().Channels[0].Unconfirmed)
}

func TestMandatoryComesBackBeforeItsConfirm(t *testing.T) {
	s := newStage(t, version.V40)
	a := s.actor()
	a.publish(&wire.BasicPublish{RoutingKey: "x", Mandatory: true}, wire.Properties{}, "1")
	a.does(&wire.ConfirmSelect{})
	a.publish(&wire.BasicPublish{RoutingKey: "x", Mandatory: true}, wire.Properties{}, "2")
	require.Equal(t, "return 312 NO_ROUTE 1\nconfirm.select-ok\nreturn 312 NO_ROUTE 2\nack 1", a.told())
}

func TestAnAlternateExchangeCountsAsRouted(t *testing.T) {
	s := newStage(t, version.V40)
	a := s.actor()
	a.does(durable("q"), &wire.QueueBind{Queue: "q", Exchange: "amq.fanout"},
		&wire.ExchangeDeclare{Exchange: "x", Type: "direct", Arguments: table("alternate-exchange", wire.String("amq.fanout"))})
	a.told()
	a.publish(&wire.BasicPublish{Exchange: "x", Mandatory: true}, wire.Properties{}, "1")
	require.Empty(t, a.told())
	require.Equal(t, 1, s.depth("q"))
}

func TestCarbonCopies(t *testing.T) {
	s := newStage(t, version.V40)
	a := s.actor()
	a.does(durable("q"), durable("cc"), durable("bcc"))
	a.publish(&wire.BasicPublish{RoutingKey: "q"}, wire.Properties{Headers: table(
		"z", wire.Bool(true), "CC", wire.Array{wire.String("cc"), wire.String("q")}, "BCC", wire.Array{wire.String("bcc")})}, "m")
	for _, queue := range []string{"q", "cc", "bcc"} {
		a.does(&wire.BasicGet{Queue: queue}, &wire.BasicGet{Queue: queue})
	}
	require.Len(t, a.bodies, 3)
	for _, m := range a.bodies {
		require.Equal(t, table("CC", wire.Array{wire.String("cc"), wire.String("q")}, "z", wire.Bool(true)), m.Properties.Headers)
		require.Equal(t, "q", m.RoutingKey)
	}
}

func TestHeadersAreSortedSince313(t *testing.T) {
	headers := func() wire.Table { return table("z", wire.Int32(1), "a", wire.Int32(2), "z", wire.Int32(3)) }
	for v, want := range map[version.Version]wire.Table{
		version.V310: headers(), version.V40: table("a", wire.Int32(2), "z", wire.Int32(1)),
	} {
		a := newStage(t, v).actor()
		a.does(durable("q"))
		a.publish(&wire.BasicPublish{RoutingKey: "q"}, wire.Properties{Headers: headers()}, "m")
		a.does(&wire.BasicGet{Queue: "q"})
		require.Equal(t, want, a.bodies[0].Properties.Headers)
	}
}

func TestTransactionsAreNotThere(t *testing.T) {
	newStage(t, version.V40).actor().fails("connection 540 NOT_IMPLEMENTED - minirabbit has no transactions: use publisher confirms", &wire.TxSelect{})
}
