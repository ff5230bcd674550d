package protocol_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"warren.example/workshop/minirabbit/internal/protocol"
	"warren.example/workshop/wire"
)

// Whoever asks for direct replies and does not read them is cut before they fill the memory, and only they. What is large in
// the replies may be the body or the headers.
func TestRepliesThatNobodyReadsHaveALimit(t *testing.T) {
	t.Parallel()
	const large = 100_000
	inHeaders := wire.Properties{Headers: wire.Table{{Name: "list", Value: wire.Array{wire.Table{
		{Name: "text", Value: wire.String(strings.Repeat("x", large))},
	}}}}}
	t.Run("body", func(t *testing.T) { floodWithReplies(t, wire.Properties{}, strings.Repeat("x", large)) })
	t.Run("headers", func(t *testing.T) { floodWithReplies(t, inHeaders, "") })
}

func floodWithReplies(t *testing.T, properties wire.Properties, body string) {
	t.Parallel()
	s := serve(t, protocol.Config{MaxUnsent: 1 << 20})
	deaf, worker := openChannel(t, s.address), openChannel(t, s.address)
	deaf.send(1, &wire.BasicConsume{Queue: "amq.rabbitmq.reply-to", ConsumerTag: "c", NoAck: true}, &wire.QueueDeclare{Queue: "requests"})
	deaf.want(`1 basic.consume-ok consumer="c"`, `1 queue.declare-ok queue="requests" message-count=0 consumer-count=0`)
	deaf.publishWith(1, "requests", wire.Properties{ReplyTo: wire.Some("amq.rabbitmq.reply-to")}, "")
	deaf.send(1, &wire.ConfirmSelect{})
	deaf.want("1 confirm.select-ok")
	worker.send(1, &wire.BasicGet{Queue: "requests", NoAck: true})
	worker.want(`1 basic.get-ok tag=1 exchange="" key="requests" message-count=0`)
	_, text, ok := strings.Cut(worker.next(), `reply-to="`)
	require.True(t, ok)
	address, _, _ := strings.Cut(text, `"`)

	const sent = 200 // more than sockets hold
	for range sent {
		worker.publishWith(1, address, properties, body)
	}
	require.Equal(t, "the client does not read what is sent to it", s.wait(protocol.ConnectionClosed).Text)
	worker.send(1, &wire.ConfirmSelect{})
	worker.want("1 confirm.select-ok")
}
