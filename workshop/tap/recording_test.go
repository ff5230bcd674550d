package tap_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"warren.example/workshop/tap"
	"warren.example/workshop/wire"
)

func TestTheRecordingHasTheHandshakeInItsOrder(t *testing.T) {
	t.Parallel()
	s := playChannel(t)
	var names []string
	for i, e := range s.Recording().All() {
		require.Equal(t, i+1, e.Seq)
		names = append(names, fmt.Sprintf("%s %s", e.From, e.Name()))
	}
	require.Equal(t, []string{
		"tap connect", "you protocol-header",
		"broker connection.start", "you connection.start-ok", "broker connection.tune", "you connection.tune-ok",
		"you connection.open", "broker connection.open-ok", "you channel.open", "broker channel.open-ok",
	}, names)
}

func TestAUnitIsAMethodWithItsContent(t *testing.T) {
	t.Parallel()
	s := playChannel(t)
	s.publish("nineteen bytes long")
	e := s.wait(tap.Filter{From: tap.Client, Method: "basic.publish", Conn: 1, Channel: 1}, 1)[0]
	require.Equal(t, &wire.BasicPublish{RoutingKey: "orders"}, e.Method)
	require.Equal(t, uint64(19), e.Header.BodySize)
	require.Equal(t, "nineteen bytes long", string(e.Body))
	require.Equal(t, `you → broker  basic.publish exchange="" key="orders" 19 bytes`, e.String())
}

func TestABodyIsCutAtTheLimitAndForwardedWhole(t *testing.T) {
	t.Parallel()
	s := play(t, tap.Config{BodyLimit: 4})
	s.handshake(s.client, s.broker)
	s.openChannel(1)
	header, err := wire.AppendHeader(nil, &wire.ContentHeader{Class: 60, BodySize: 9})
	require.NoError(t, err)
	data := unit(t, 1, &wire.BasicPublish{})
	data = wire.AppendFrame(data, wire.Frame{Type: wire.FrameHeader, Channel: 1, Payload: header})
	for _, part := range []string{"abc", "def", "ghi"} {
		data = wire.AppendFrame(data, wire.Frame{Type: wire.FrameBody, Channel: 1, Payload: []byte(part)})
	}
	s.client.write(data)
	require.Equal(t, "abcdefghi", s.broker.hear().body)
	e := s.wait(tap.Filter{Method: "basic.publish"}, 1)[0]
	require.Equal(t, "abcd", string(e.Body))
	require.Equal(t, uint64(9), e.BodySize)
}

func TestBodiesCanBeLeftOut(t *testing.T) {
	t.Parallel()
	s := play(t, tap.Config{BodyLimit: -1})
	s.handshake(s.client, s.broker)
	s.openChannel(1)
	s.publish("secret")
	e := s.wait(tap.Filter{Method: "basic.publish"}, 1)[0]
	require.Empty(t, e.Body)
	require.Equal(t, uint64(6), e.BodySize)
}

func TestContentsOfTwoChannelsMayBeMixed(t *testing.T) {
	t.Parallel()
	s := playChannel(t)
	s.openChannel(2)
	frames := func(channel uint16, body string) [3][]byte {
		all := unit(t, channel, &wire.BasicPublish{RoutingKey: "orders"}, body)
		method := len(unit(t, channel, &wire.BasicPublish{RoutingKey: "orders"}))
		header := len(all) - len(body) - 8
		return [3][]byte{all[:method], all[method:header], all[header:]}
	}
	one, two := frames(1, "one"), frames(2, "two")
	for _, frame := range [][]byte{one[0], two[0], two[1], one[1], one[2], two[2]} {
		s.client.write(frame)
	}
	first, second := s.broker.hear(), s.broker.hear()
	require.Equal(t, []any{uint16(1), "one", uint16(2), "two"}, []any{first.channel, first.body, second.channel, second.body})
}

func TestWaitCountsWhatHappenedBefore(t *testing.T) {
	t.Parallel()
	s := playChannel(t)
	s.publish("1", "2")
	events := make(chan []tap.Event)
	go func() {
		seen, _ := s.Recording().Wait(within(t), tap.Filter{Method: "basic.publish"}, 4)
		events <- seen
	}()
	s.publish("3", "4", "5")
	seen := <-events
	require.Len(t, seen, 4)
	require.Equal(t, "4", string(seen[3].Body))
}

func TestWaitSaysWhatItSawWhenTimeIsUp(t *testing.T) {
	t.Parallel()
	s := playChannel(t)
	s.publish("1")
	seen, err := s.Recording().Wait(expired(t), tap.Filter{Method: "basic.publish"}, 2)
	require.ErrorIs(t, err, errExpired)
	require.EqualError(t, err, "wait for 2 × basic.publish, saw 1: time is up")
	require.Len(t, seen, 1)
}

func TestWaitEndsWithTheTap(t *testing.T) {
	t.Parallel()
	s := playChannel(t)
	rule := s.Add(tap.Drop{On: nthPublish(1)})
	errs := make(chan error, 2)
	go func() {
		_, err := s.Recording().Wait(within(t), tap.Filter{Method: "basic.publish"}, 1)
		errs <- err
	}()
	go func() { errs <- rule.Wait(within(t)) }()
	require.NoError(t, s.Close())
	require.ErrorIs(t, <-errs, tap.ErrClosed)
	require.ErrorIs(t, <-errs, tap.ErrClosed)
	require.NoError(t, s.Close(), "closing twice is fine")
	require.NotEmpty(t, s.Recording().All(), "the recording stays")
}

func TestANoteIsAnEvent(t *testing.T) {
	t.Parallel()
	s := playChannel(t)
	note := s.Recording().Note("handler of %s runs", "order-7")
	s.publish("1")
	require.Equal(t, note, s.wait(tap.Filter{Method: "note"}, 1)[0])
	publish := s.wait(tap.Filter{Method: "basic.publish"}, 1)[0]
	require.Equal(t, note.Seq+1, publish.Seq)
	require.Equal(t, "tap  handler of order-7 runs", note.String())
}

func TestTheOldestEventsGo(t *testing.T) {
	t.Parallel()
	s := play(t, tap.Config{EventLimit: 10})
	for i := range 25 {
		s.Recording().Note("%d", i)
	}
	all := s.Recording().All()
	require.Len(t, all, 10)
	require.Equal(t, "24", all[9].Text)
	require.Equal(t, all[9].Seq-9, all[0].Seq)
	require.Equal(t, all[0].Seq-1, s.Recording().Dropped())
	_, found := s.Recording().First(tap.Filter{Method: "connect"})
	require.False(t, found)
	seen, err := s.Recording().Wait(expired(t), tap.Filter{Method: "note"}, 11)
	require.Error(t, err)
	require.Len(t, seen, 10)
}

func TestAWaitThatIsSlowCanStillAskTheTap(t *testing.T) {
	t.Parallel()
	s := playChannel(t)
	s.publish("1")
	seen := s.wait(tap.Filter{Where: func(e tap.Event) bool { // outside of rules, Where may do as it pleases
		return s.Recording().Count(tap.Filter{Method: "basic.publish"}) == 1 && len(s.Connections()) == 1
	}}, 1)
	require.Len(t, seen, 1)
}

// Whoever gets something through the tap finds it in the recording, before what it says in return.
func TestTheOrderIsCausal(t *testing.T) {
	t.Parallel()
	s := playChannel(t)
	const rounds, pairs = 200, 3
	done := make(chan struct{})
	for i := range pairs {
		client, broker := s.client, s.broker
		if i > 0 {
			client, broker = s.connect()
			s.handshake(client, broker)
		}
		go func() {
			defer func() { done <- struct{}{} }()
			for range rounds { // each answers the other
				client.say(1, &wire.BasicGet{Queue: "orders"})
				broker.hear()
				broker.say(1, &wire.BasicGetEmpty{})
				client.hear()
				if s.Recording().Count(tap.Filter{Method: "basic.get-empty", Conn: i + 1}) == 0 {
					t.Error("got what is not recorded")
				}
			}
		}()
	}
	for range pairs {
		<-done
	}
	for conn := 1; conn <= pairs; conn++ {
		turn := tap.Client
		for _, e := range s.Recording().Find(tap.Filter{Conn: conn, Where: func(e tap.Event) bool {
			return e.Name() == "basic.get" || e.Name() == "basic.get-empty"
		}}) {
			require.Equal(t, turn, e.From)
			turn = tap.Client + tap.Broker - turn
		}
	}
	var last time.Duration
	for i, e := range s.Recording().All() {
		require.Equal(t, i+1, e.Seq)
		require.GreaterOrEqual(t, e.At, last)
		last = e.At
	}
}

func TestConnectionsTellWhatIsOpen(t *testing.T) {
	t.Parallel()
	s := playChannel(t)
	s.openChannel(7)
	s.toBroker(9, &wire.ChannelOpen{}) // not answered yet
	s.connect()
	require.Equal(t, []tap.Connection{
		{ID: 1, Open: true, VHost: "/shop", Name: "test", Channels: []uint16{1, 7}},
		{ID: 2, Open: true},
	}, s.Connections())

	s.toBroker(1, &wire.ChannelClose{})
	s.toClient(1, &wire.ChannelCloseOk{})
	s.toClient(7, &wire.ChannelClose{ReplyCode: 404})
	require.Equal(t, []uint16{7}, s.Connections()[0].Channels, "the client has not answered")
	s.toBroker(7, &wire.ChannelCloseOk{})
	require.Empty(t, s.Connections()[0].Channels)

	s.toBroker(0, &wire.ConnectionClose{})
	s.toClient(0, &wire.ConnectionCloseOk{})
	require.NoError(t, s.client.conn.Close())
	end := s.wait(tap.Filter{Method: "disconnect"}, 1)
	require.Equal(t, "you closed the connection", end[0].Text)
	require.Equal(t, tap.Connection{ID: 1, VHost: "/shop", Name: "test"}, s.Connections()[0])
}

func TestWaitHasTheContextsCause(t *testing.T) {
	t.Parallel()
	s := play(t, tap.Config{})
	ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
	defer cancel()
	_, err := s.Recording().Wait(ctx, tap.Filter{Method: "basic.publish"}, 1)
	require.ErrorIs(t, err, context.DeadlineExceeded)
}
