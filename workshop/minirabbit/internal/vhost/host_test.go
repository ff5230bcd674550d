package vhost_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"warren.example/workshop/minirabbit/internal/clock"
	"warren.example/workshop/minirabbit/internal/fault"
	"warren.example/workshop/minirabbit/internal/message"
	"warren.example/workshop/minirabbit/internal/version"
	"warren.example/workshop/minirabbit/internal/vhost"
	"warren.example/workshop/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// tester is a test, or one try of rapid's.
type tester interface {
	require.TestingT
	Helper()
	Cleanup(func())
}

// stage is a host with its clock.
type stage struct {
	*vhost.Host
	t     tester
	clock *clock.Clock
}

// newStage makes a virtual host "/" that behaves as version v; change may set more.
func newStage(t tester, v version.Version, change ...func(*vhost.Config)) *stage {
	t.Helper()
	c := clock.New()
	t.Cleanup(c.Close)
	config := vhost.Config{Name: "/", Version: v, Clock: c}
	for _, f := range change {
		f(&config)
	}
	return &stage{vhost.New(config), t, c}
}

// actor is a client: a connection with a channel, and what it was told.
type actor struct {
	*vhost.Channel
	t      tester
	conn   *vhost.Conn
	mu     sync.Mutex // guards what it was told: a hostile host also speaks when its clock rings
	said   []string
	tags   []uint64 // of deliveries
	bodies []*message.Message
	full   bool
	failed *fault.Error
	ended  *fault.Error
}

func (s *stage) actor(change ...func(*vhost.ConnInfo)) *actor {
	s.t.Helper()
	a := &actor{t: s.t}
	info := vhost.ConnInfo{Name: "client", User: "guest", CancelNotify: true, Close: func(err *fault.Error) { a.ended = err }}
	for _, f := range change {
		f(&info)
	}
	a.conn = s.Connect(info)
	a.Channel = a.conn.OpenChannel(1, a, func(err *fault.Error) { a.failed = err })
	return a
}

// another opens a further channel on the connection.
func (a *actor) another(number uint16) *actor {
	b := &actor{t: a.t, conn: a.conn}
	b.Channel = a.conn.OpenChannel(number, b, func(err *fault.Error) { b.failed = err })
	return b
}

// Send notes what the channel says; for a message with its body and whether it was redelivered.
func (a *actor) Send(m wire.Method, content *message.Message) {
	a.mu.Lock()
	defer a.mu.Unlock()
	text := m.String()
	switch m := m.(type) {
	case *wire.BasicDeliver:
		text = fmt.Sprintf("deliver %s%s", content.Body, redelivered(m.Redelivered))
		a.tags = append(a.tags, m.DeliveryTag)
		a.bodies = append(a.bodies, content)
	case *wire.BasicGetOk:
		text = fmt.Sprintf("get-ok %s%s, %d left", content.Body, redelivered(m.Redelivered), m.MessageCount)
		a.tags = append(a.tags, m.DeliveryTag)
		a.bodies = append(a.bodies, content)
	case *wire.BasicReturn:
		text = fmt.Sprintf("return %d %s %s", m.ReplyCode, m.ReplyText, content.Body)
	case *wire.BasicAck:
		text = fmt.Sprintf("ack %d%s", m.DeliveryTag, multiple(m.Multiple))
	case *wire.BasicNack:
		text = fmt.Sprintf("nack %d%s", m.DeliveryTag, multiple(m.Multiple))
	case *wire.QueueDeclareOk:
		text = fmt.Sprintf("declare-ok %s %d %d", m.Queue, m.MessageCount, m.ConsumerCount)
	}
	a.said = append(a.said, text)
}

// heard is all that was said until now.
func (a *actor) heard() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return strings.Join(a.said, "\n")
}

func redelivered(is bool) string {
	if is {
		return " again"
	}
	return ""
}

func multiple(is bool) string {
	if is {
		return " and all before"
	}
	return ""
}

func (a *actor) HasRoom() bool { return !a.full }

// does handles methods that must not fail.
func (a *actor) does(methods ...wire.Method) {
	a.t.Helper()
	for _, m := range methods {
		if err := a.Handle(m); err != nil {
			require.Fail(a.t, err.Error(), m.String())
		}
	}
}

// fails handles a method that must fail with this error: "404 NOT_FOUND - …", with "connection " before if it ends that.
func (a *actor) fails(want string, m wire.Method) {
	a.t.Helper()
	a.wants(want, a.Handle(m), m)
}

func (a *actor) wants(want string, err *fault.Error, m wire.Method) {
	a.t.Helper()
	require.NotNil(a.t, err, m.String())
	got := err.Error()
	if err.Connection {
		got = "connection " + got
	}
	require.Equal(a.t, want, got, m.String())
	require.Equal(a.t, m.ID(), wire.MethodID{Class: err.Class, Method: err.Method})
	require.Nil(a.t, a.Handle(&wire.QueueDeclare{Queue: "ignored"}), "the channel is closed")
}

// told returns what the channel said since the last call, one below the other.
func (a *actor) told() string {
	said := strings.Join(a.said, "\n")
	a.said = nil
	return said
}

// publishes sends messages to an exchange, each with its name as the body.
func (a *actor) publishes(exchange, key string, bodies ...string) {
	a.t.Helper()
	for _, body := range bodies {
		a.publish(&wire.BasicPublish{Exchange: exchange, RoutingKey: key}, wire.Properties{}, body)
	}
}

func (a *actor) publish(m *wire.BasicPublish, p wire.Properties, body string) {
	a.t.Helper()
	if err := a.Publish(m, &wire.ContentHeader{Class: 60, BodySize: uint64(len(body)), Properties: p}, []byte(body)); err != nil {
		require.Fail(a.t, err.Error(), m.String())
	}
}

func (a *actor) publishFails(want string, m *wire.BasicPublish, p wire.Properties, body string) {
	a.t.Helper()
	a.wants(want, a.Publish(m, &wire.ContentHeader{Class: 60, BodySize: uint64(len(body)), Properties: p}, []byte(body)), m)
}

// depth is how many messages wait in a queue.
func (s *stage) depth(queue string) int {
	s.t.Helper()
	for _, q := range s.Snapshot().Queues {
		if q.Name == queue {
			return q.Ready
		}
	}
	require.Fail(s.t, "no queue "+queue)
	return 0
}

func table(fields ...any) wire.Table {
	var t wire.Table
	for i := 0; i < len(fields); i += 2 {
		t = append(t, wire.Field{Name: fields[i].(string), Value: fields[i+1].(wire.Value)})
	}
	return t
}

func durable(queue string, arguments ...any) *wire.QueueDeclare {
	return &wire.QueueDeclare{Queue: queue, Durable: true, Arguments: table(arguments...)}
}
