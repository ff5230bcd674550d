package vhost_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"warren.example/workshop/minirabbit/internal/version"
	"warren.example/workshop/wire"
)

const replyTo = "amq.rabbitmq.reply-to"

// asks makes a consumer of direct replies, publishes a request and returns the address for the answer.
func (a *actor) asks(server *actor) string {
	a.t.Helper()
	server.does(durable("requests"))
	a.does(&wire.BasicConsume{Queue: replyTo, ConsumerTag: "c", NoAck: true})
	a.publish(&wire.BasicPublish{RoutingKey: "requests"}, wire.Properties{ReplyTo: wire.Some(replyTo)}, "?")
	address := *server.take("requests").Properties.ReplyTo
	a.told()
	server.told()
	return address
}

func TestADirectReplyReachesTheRequester(t *testing.T) {
	for v, want := range map[version.Version][]uint64{version.V40: {1, 1}, version.V43: {1, 2}} {
		s := newStage(t, v)
		client, server := s.actor(), s.actor()
		address := client.asks(server)
		require.Regexp(t, `^amq\.rabbitmq\.reply-to\.[\w-]{22}$`, address)
		server.does(&wire.QueueDeclare{Queue: address, Passive: true}, &wire.QueueDeclare{Queue: replyTo})
		server.publishes("", address, "1", "2")
		require.Equal(t, "deliver 1\ndeliver 2", client.told())
		require.Equal(t, want, client.tags)

		client.Close()
		server.publishes("", address, "late")
		server.fails("404 NOT_FOUND - no queue '"+address+"' in vhost '/'", &wire.QueueDeclare{Queue: address, Passive: true})
	}
}

func TestMandatoryDirectRepliesAreReturnedBefore42(t *testing.T) {
	for v, want := range map[version.Version]string{version.V40: "return 312 NO_ROUTE 1\nreturn 312 NO_ROUTE 2", version.V43: ""} {
		s := newStage(t, v)
		client, server := s.actor(), s.actor()
		address := client.asks(server)
		reply := &wire.BasicPublish{RoutingKey: address, Mandatory: true}
		server.publish(reply, wire.Properties{}, "1")
		require.Equal(t, "deliver 1", client.told())
		client.does(&wire.BasicCancel{ConsumerTag: "c"})
		server.publish(reply, wire.Properties{}, "2")
		require.Equal(t, want, server.told(), "also if the requester is there")
	}
}

func TestRepliesAreConsumedWithoutAcknowledgement(t *testing.T) {
	s := newStage(t, version.V40)
	s.actor().fails("406 PRECONDITION_FAILED - reply consumer cannot acknowledge", &wire.BasicConsume{Queue: replyTo})
	a := s.actor()
	a.does(&wire.BasicConsume{Queue: replyTo, NoAck: true})
	a.fails("406 PRECONDITION_FAILED - reply consumer already set", &wire.BasicConsume{Queue: replyTo, NoAck: true})
	s.actor().publishFails("406 PRECONDITION_FAILED - fast reply consumer does not exist", &wire.BasicPublish{},
		wire.Properties{ReplyTo: wire.Some(replyTo)}, "")
}

func TestAReplyAddressCannotBeBoundSince42(t *testing.T) {
	bind := &wire.QueueBind{Queue: replyTo + ".x", Exchange: "amq.direct"}
	newStage(t, version.V40).actor().fails("404 NOT_FOUND - no queue 'amq.rabbitmq.reply-to.x' in vhost '/'", bind)
	newStage(t, version.V43).actor().fails("403 ACCESS_REFUSED - cannot bind or unbind to a volatile (direct reply-to) queue", bind)
}

func TestAClientMayAnswerABrokersCancelIn43(t *testing.T) {
	newStage(t, version.V43).actor().does(&wire.BasicCancelOk{ConsumerTag: "c"})
	newStage(t, version.V40).actor().fails("connection 503 COMMAND_INVALID - unimplemented method", &wire.BasicCancelOk{ConsumerTag: "c"})
}
