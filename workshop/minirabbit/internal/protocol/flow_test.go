package protocol_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"warren.example/workshop/minirabbit/internal/protocol"
	"warren.example/workshop/wire"
)

func TestBodiesAreCutToFrameMax(t *testing.T) {
	t.Parallel()
	s := serve(t, protocol.Config{})
	c := connect(t, s.address, wire.ConnectionTuneOk{FrameMax: 4096})
	c.send(1, &wire.ChannelOpen{}, &wire.QueueDeclare{Queue: "q"})
	c.want("1 channel.open-ok", `1 queue.declare-ok queue="q" message-count=0 consumer-count=0`)
	body := strings.Repeat("x", 10_000)
	c.send(1, &wire.BasicPublish{RoutingKey: "q"})
	c.header(1, uint64(len(body)))
	for part := body; part != ""; {
		n := min(len(part), 4088)
		c.frame(wire.FrameBody, 1, []byte(part[:n])...)
		part = part[n:]
	}
	c.send(1, &wire.BasicGet{Queue: "q", NoAck: true})
	c.want(`1 basic.get-ok tag=1 exchange="" key="q" message-count=0`, "1 header 10000 bytes",
		fmt.Sprintf("1 body %q", body[:4088]), fmt.Sprintf("1 body %q", body[:4088]), fmt.Sprintf("1 body %q", body[:10_000-2*4088]))
}

func TestHostileBodiesAreCutAnyhow(t *testing.T) {
	t.Parallel()
	s := serve(t, protocol.Config{Hostility: 1})
	c := openChannel(t, s.address)
	c.send(1, &wire.QueueDeclare{Queue: "q"})
	c.want(`1 queue.declare-ok queue="q" message-count=0 consumer-count=0`)
	body := strings.Repeat("0123456789", 20)
	c.publish(1, "q", body)
	c.send(1, &wire.BasicGet{Queue: "q", NoAck: true})
	c.want(`1 basic.get-ok tag=1 exchange="" key="q" message-count=0`, "1 header 200 bytes")
	frames, got := 0, ""
	for len(got) < len(body) {
		var part string
		_, err := fmt.Sscanf(c.next(), "1 body %q", &part)
		require.NoError(t, err)
		require.NotEmpty(t, part)
		got += part
		frames++
	}
	require.Equal(t, body, got)
	require.Greater(t, frames, 3)
}

func TestTooLargeAMessage(t *testing.T) {
	t.Parallel()
	s := serve(t, protocol.Config{MaxMessageSize: 1000})
	c := openChannel(t, s.address)
	c.publish(1, "nowhere", strings.Repeat("x", 1000))
	c.publish(1, "nowhere", strings.Repeat("x", 1001))
	c.want(`1 channel.close code=406 text="PRECONDITION_FAILED - message size 1001 is larger than configured max size 1000" class-id=60 method-id=40`)
}

// Bodies that are begun on many channels and never ended don't fill the memory.
func TestUnfinishedMessagesHaveALimit(t *testing.T) {
	t.Parallel()
	s := serve(t, protocol.Config{})
	c := connect(t, s.address, wire.ConnectionTuneOk{})
	const size = 16 << 20
	part := make([]byte, 131064)
	for channel := uint16(1); ; channel++ {
		require.Less(t, channel, uint16(60))
		c.send(channel, &wire.ChannelOpen{})
		answer := c.next()
		if answer == closing("506", "RESOURCE_ERROR - more than 268435456 bytes in unfinished messages", "0", "0") {
			return
		}
		require.Equal(t, fmt.Sprintf("%d channel.open-ok", channel), answer)
		c.send(channel, &wire.BasicPublish{})
		c.header(channel, size)
		for sent := len(part); sent < size/2+2*len(part); sent += len(part) { // more than half: the buffer has its full size
			c.frame(wire.FrameBody, channel, part...)
		}
	}
}

// A consumer that doesn't read gets no more than its outbox holds, and others are not held up.
func TestASlowConsumerHoldsNobodyUp(t *testing.T) {
	t.Parallel()
	s := serve(t, protocol.Config{})
	slow, fast := openChannel(t, s.address), openChannel(t, s.address)
	slow.send(1, &wire.QueueDeclare{Queue: "q"}, &wire.BasicConsume{Queue: "q", ConsumerTag: "slow", NoAck: true})
	slow.want(`1 queue.declare-ok queue="q" message-count=0 consumer-count=0`, `1 basic.consume-ok consumer="slow"`)
	fast.send(1, &wire.ConfirmSelect{})
	fast.want("1 confirm.select-ok")
	const messages = 400
	body := strings.Repeat("x", 100_000)
	for n := range messages { // 40 MB: more than sockets take
		fast.publish(1, "q", body)
		fast.want(fmt.Sprintf("1 basic.ack tag=%d", n+1))
	}
	host, _ := s.broker.Host("/")
	require.Positive(t, host.Counts().Ready)
	for n := range messages { // and when it reads, it gets all
		slow.want(fmt.Sprintf(`1 basic.deliver consumer="slow" tag=%d exchange="" key="q"`, n+1), "1 header 100000 bytes",
			"1 body of 100000 bytes")
	}
}

// A client that asks and never listens is not read from any more.
func TestAClientThatDoesNotListenIsNotReadFrom(t *testing.T) {
	t.Parallel()
	s := serve(t, protocol.Config{})
	deaf, other := openChannel(t, s.address), openChannel(t, s.address)
	deaf.send(1, &wire.QueueDeclare{Queue: "q"})
	deaf.want(`1 queue.declare-ok queue="q" message-count=0 consumer-count=0`)
	const gets = 2000
	for range gets {
		deaf.publish(1, "q", strings.Repeat("x", 20_000))
	}
	done := make(chan struct{})
	go func() { // blocks when the broker does not read
		defer close(done)
		for range gets {
			deaf.send(1, &wire.BasicGet{Queue: "q", NoAck: true})
		}
	}()
	other.send(1, &wire.ConfirmSelect{})
	other.want("1 confirm.select-ok")
	for n := range gets {
		require.Contains(t, deaf.next(), fmt.Sprintf("1 basic.get-ok tag=%d ", n+1))
		deaf.want("1 header 20000 bytes")
		require.Contains(t, deaf.next(), "1 body")
	}
	<-done
}
