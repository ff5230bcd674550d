package broker_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"warren.example/workshop/minirabbit/internal/broker"
	"warren.example/workshop/minirabbit/internal/fault"
	"warren.example/workshop/minirabbit/internal/message"
	"warren.example/workshop/minirabbit/internal/version"
	"warren.example/workshop/minirabbit/internal/vhost"
	"warren.example/workshop/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func newBroker(t *testing.T) *broker.Broker {
	t.Helper()
	b := broker.New(broker.Options{})
	t.Cleanup(b.Close)
	return b
}

// guest opens a connection; what ends it goes to closed.
func guest(t *testing.T, b *broker.Broker, host string, closed *[]string) *broker.Connection {
	t.Helper()
	u, ok := b.Login("guest", "guest", "127.0.0.1:4711")
	require.True(t, ok)
	c, err := b.Open(broker.Peer{Name: "c", User: u, Host: host, Close: func(err *fault.Error) {
		*closed = append(*closed, err.Error())
	}})
	require.Nil(t, err)
	return c
}

// deaf is an outbox that forgets everything.
type deaf struct{}

func (deaf) Send(wire.Method, *message.Message) {}
func (deaf) HasRoom() bool                      { return true }

func TestABrokerBeginsAsRabbitMQDoes(t *testing.T) {
	b := newBroker(t)
	require.Equal(t, version.V40, b.Version())
	require.Equal(t, []string{"/"}, b.Hosts())
	require.Equal(t, []broker.User{{Name: "guest", Password: "guest", Tags: []string{"administrator"}}}, b.Users())
	require.Equal(t, []broker.Grant{{"/", "guest", broker.Permissions{Configure: ".*", Write: ".*", Read: ".*"}}}, b.Grants())
	h, ok := b.Host("/")
	require.True(t, ok)
	require.Equal(t, "/", h.Name())
}

func TestLogin(t *testing.T) {
	b := newBroker(t)
	b.PutUser(broker.User{Name: "ann", Password: "secret"})
	b.PutUser(broker.User{Name: "bob"})
	for _, c := range []struct {
		name, password, address string
		want                    bool
	}{
		{"guest", "guest", "127.0.0.1:1", true}, {"guest", "guest", "[::1]:1", true}, {"guest", "guest", "::1", true},
		{"guest", "guest", "10.0.0.1:1", false}, {"guest", "wrong", "127.0.0.1:1", false}, {"ann", "secret", "10.0.0.1:1", true},
		{"bob", "", "127.0.0.1:1", false}, {"nobody", "", "127.0.0.1:1", false},
	} {
		_, ok := b.Login(c.name, c.password, c.address)
		require.Equal(t, c.want, ok, "%s from %s", c.name, c.address)
	}
}

func TestWhoMayEnter(t *testing.T) {
	b := newBroker(t)
	b.PutUser(broker.User{Name: "ann", Password: "secret"})
	open := func(user, host string) *fault.Error {
		c, err := b.Open(broker.Peer{User: broker.User{Name: user}, Host: host})
		if c != nil {
			c.Remove()
		}
		return err
	}
	require.EqualError(t, open("ann", "/"), "530 NOT_ALLOWED - access to vhost '/' refused for user 'ann'")
	require.EqualError(t, open("ann", "x"), "530 NOT_ALLOWED - vhost x not found")
	require.NoError(t, b.PutPermissions("/", "ann", broker.Permissions{}))
	require.True(t, b.MayEnter("/", "ann"))
	require.Nil(t, open("ann", "/"))
	require.True(t, b.DeletePermissions("/", "ann"))
	require.False(t, b.DeletePermissions("/", "ann"))
	require.NotNil(t, open("ann", "/"))
	require.Empty(t, b.Connections())
}

func TestAnOpenConnectionHasWhatIsGrantedAgain(t *testing.T) {
	b := newBroker(t)
	all := broker.Permissions{Configure: ".*", Write: ".*", Read: ".*"}
	var closed []string
	conn := guest(t, b, "/", &closed).Conn
	declare := func() *fault.Error { return conn.OpenChannel(1, deaf{}, nil).Handle(&wire.QueueDeclare{Queue: "q"}) }
	require.True(t, b.DeletePermissions("/", "guest"))
	require.NotNil(t, declare())
	require.Empty(t, b.Grants())
	require.NoError(t, b.PutPermissions("/", "guest", all))
	require.Nil(t, declare())
}

func TestPermissionsAreExpressionsAndChangeAtOnce(t *testing.T) {
	b := newBroker(t)
	require.ErrorContains(t, b.PutPermissions("/", "nobody", broker.Permissions{}), "there is no such user")
	require.ErrorContains(t, b.PutPermissions("x", "guest", broker.Permissions{}), "there is no such virtual host")
	require.ErrorContains(t, b.PutPermissions("/", "guest", broker.Permissions{Read: "("}), `read permission "("`)

	declare := func(queue string) *fault.Error {
		var closed []string
		c := guest(t, b, "/", &closed)
		defer c.Remove()
		return c.Conn.OpenChannel(1, deaf{}, nil).Handle(&wire.QueueDeclare{Queue: queue})
	}
	require.NoError(t, b.PutPermissions("/", "guest", broker.Permissions{Configure: "ord", Write: "", Read: "^x$"}))
	require.Nil(t, declare("my-orders"))
	require.Nil(t, declare("my-orders"), "the answer is remembered")
	require.EqualError(t, declare("stock"), "403 ACCESS_REFUSED - configure access to queue 'stock' in vhost '/' refused for user 'guest'")

	var closed []string
	c := guest(t, b, "/", &closed)
	channel := c.Conn.OpenChannel(1, deaf{}, nil)
	require.NoError(t, b.PutPermissions("/", "guest", broker.Permissions{Configure: "stock"}))
	require.Nil(t, channel.Handle(&wire.QueueDeclare{Queue: "stock"}))
	require.True(t, b.DeleteUser("guest"))
	require.Equal(t, []string{"320 CONNECTION_FORCED - user 'guest' is deleted"}, closed)
	require.NotNil(t, channel.Handle(&wire.QueueDeclare{Queue: "stock"}))
	require.False(t, b.DeleteUser("guest"))
	require.Empty(t, b.Grants())
}

func TestDeletingAVirtualHostEndsItsConnections(t *testing.T) {
	b := newBroker(t)
	b.PutHost("x")
	b.PutHost("x")
	require.NoError(t, b.PutPermissions("x", "guest", broker.Permissions{Configure: ".*"}))
	var there, elsewhere []string
	c := guest(t, b, "x", &there)
	guest(t, b, "/", &elsewhere)
	channel := c.Conn.OpenChannel(1, deaf{}, nil)
	require.Nil(t, channel.Handle(&wire.QueueDeclare{Queue: "q", Exclusive: true}))

	require.True(t, b.DeleteHost("x"))
	require.False(t, b.DeleteHost("x"))
	require.Equal(t, []string{"320 CONNECTION_FORCED - vhost 'x' is deleted"}, there)
	require.Empty(t, elsewhere)
	require.Nil(t, channel.Handle(&wire.QueueDeclare{Queue: "r"}), "it does nothing")
	c.Remove()
	c.Remove()
	require.Len(t, b.Grants(), 1)
	b.PutHost("x")
	h, _ := b.Host("x")
	require.Empty(t, h.Snapshot().Queues)
}

func TestAnOperatorClosesConnections(t *testing.T) {
	b := newBroker(t)
	var closed []string
	guest(t, b, "/", &closed)
	require.False(t, b.CloseConnection("other", "why"))
	require.True(t, b.CloseConnection("c", "maintenance"))
	b.CloseAll("shutdown")
	require.Equal(t, []string{"320 CONNECTION_FORCED - maintenance", "320 CONNECTION_FORCED - shutdown"}, closed)
}

func TestAlarmsAreTold(t *testing.T) {
	b := newBroker(t)
	u, _ := b.User("guest")
	var told []string
	_, err := b.Open(broker.Peer{User: u, Host: "/", Alarm: func(reason string) { told = append(told, reason) }})
	require.Nil(t, err)
	b.SetAlarm("memory")
	b.SetAlarm("memory")
	require.Equal(t, "memory", b.Alarm())
	b.SetAlarm("")
	b.Failed(errors.New("disk full"))
	require.Equal(t, []string{"memory", "", "disk"}, told)
}

func TestNobodyLogsInBetweenCrashAndRecover(t *testing.T) {
	b := newBroker(t)
	var closed []string
	c := guest(t, b, "/", &closed)
	channel := c.Conn.OpenChannel(1, deaf{}, nil)
	require.Nil(t, channel.Handle(&wire.QueueDeclare{Queue: "durable", Durable: true}))
	require.Nil(t, channel.Handle(&wire.QueueDeclare{Queue: "transient"}))
	b.SetAlarm("disk")

	b.Crash()
	require.Empty(t, closed)
	require.Empty(t, b.Connections())
	require.Empty(t, b.Alarm())
	_, ok := b.Login("guest", "guest", "127.0.0.1:1")
	require.False(t, ok)
	_, err := b.Open(broker.Peer{User: c.User, Host: "/"})
	require.NotNil(t, err)

	b.Recover()
	_, ok = b.Login("guest", "guest", "127.0.0.1:1")
	require.True(t, ok)
	h, _ := b.Host("/")
	require.Len(t, h.Snapshot().Queues, 1)
	c.Remove() // of a connection from before
}

func TestAClientSaysWhatItCan(t *testing.T) {
	b := newBroker(t)
	u, _ := b.User("guest")
	for can, want := range map[bool]int{true: 1, false: 0} {
		capabilities := wire.Table{{Name: "consumer_cancel_notify", Value: wire.Bool(can)}}
		c, err := b.Open(broker.Peer{User: u, Host: "/", Properties: wire.Table{{Name: "capabilities", Value: capabilities}}})
		require.Nil(t, err)
		out := &counting{}
		channel := c.Conn.OpenChannel(1, out, nil)
		for _, m := range []wire.Method{&wire.QueueDeclare{Queue: "q"}, &wire.BasicConsume{Queue: "q", NoWait: true}, &wire.QueueDelete{Queue: "q"}} {
			require.Nil(t, channel.Handle(m))
		}
		require.Equal(t, want, out.cancels)
		c.Remove()
	}
}

type counting struct {
	deaf
	cancels int
}

func (c *counting) Send(m wire.Method, _ *message.Message) {
	if _, ok := m.(*wire.BasicCancel); ok {
		c.cancels++
	}
}

// book is a journal in memory.
type book struct {
	all []any // *broker.Record, *vhost.Event
}

func (b *book) Append(e *vhost.Event) uint64 {
	copied := *e
	b.all = append(b.all, &copied)
	return uint64(len(b.all))
}

func (b *book) AppendRecord(r *broker.Record) {
	copied := *r
	b.all = append(b.all, &copied)
}

func (b *book) Flush(uint64) {}

func TestTheJournalBringsTheBrokerBack(t *testing.T) {
	written := &book{}
	b := broker.New(broker.Options{Empty: true})
	defer b.Close()
	require.NoError(t, b.UseJournal(written, true))
	b.PutHost("x")
	b.PutHost("gone")
	b.PutUser(broker.User{Name: "ann", Password: "secret"})
	b.PutUser(broker.User{Name: "bob"})
	require.NoError(t, b.PutPermissions("x", "ann", broker.Permissions{Configure: ".*"}))
	require.NoError(t, b.PutPermissions("x", "bob", broker.Permissions{}))
	require.NoError(t, b.PutPermissions("/", "ann", broker.Permissions{}))
	b.DeletePermissions("/", "ann")
	b.DeleteUser("bob")
	b.DeleteHost("gone")
	var closed []string
	channel := guest(t, b, "/", &closed).Conn.OpenChannel(1, deaf{}, nil)
	require.Nil(t, channel.Handle(&wire.QueueDeclare{Queue: "q", Durable: true}))

	again := broker.New(broker.Options{Empty: true})
	defer again.Close()
	for _, entry := range written.all {
		switch entry := entry.(type) {
		case *broker.Record:
			require.NoError(t, again.Restore(entry))
		case *vhost.Event:
			require.NoError(t, again.RestoreEvent(entry))
		}
	}
	require.NoError(t, again.UseJournal(written, false))
	require.Equal(t, b.Hosts(), again.Hosts())
	require.Equal(t, b.Users(), again.Users())
	require.Equal(t, b.Grants(), again.Grants())
	h, _ := again.Host("/")
	require.Len(t, h.Snapshot().Queues, 1)
	require.ErrorContains(t, again.RestoreEvent(&vhost.Event{Host: "y"}), `virtual host "y"`)
	require.ErrorContains(t, again.Restore(&broker.Record{}), "unknown kind")
	before := len(written.all)
	again.PutHost("new")
	require.Len(t, written.all, before+1)
	again.Safe(1)
}

// acks counts how confirms end.
type acks struct {
	deaf
	acks, nacks int
}

func (a *acks) Send(m wire.Method, _ *message.Message) {
	switch m.(type) {
	case *wire.BasicAck:
		a.acks++
	case *wire.BasicNack:
		a.nacks++
	}
}

func TestAfterTheJournalFailedNothingIsConfirmed(t *testing.T) {
	b := broker.New(broker.Options{Empty: true})
	defer b.Close()
	require.NoError(t, b.UseJournal(&book{}, true))
	b.Failed(errors.New("disk full"))
	b.PutHost("new")
	require.NoError(t, b.PutPermissions("new", "guest", broker.Permissions{Configure: ".*", Write: ".*"}))
	for _, host := range []string{"/", "new"} {
		var closed []string
		out := &acks{}
		channel := guest(t, b, host, &closed).Conn.OpenChannel(1, out, nil)
		require.Nil(t, channel.Handle(&wire.QueueDeclare{Queue: "q", Durable: true}))
		require.Nil(t, channel.Handle(&wire.ConfirmSelect{}))
		header := &wire.ContentHeader{Properties: wire.Properties{DeliveryMode: wire.Some[uint8](2)}}
		require.Nil(t, channel.Publish(&wire.BasicPublish{RoutingKey: "q"}, header, nil))
		require.Equal(t, 1, out.nacks)
		require.Zero(t, out.acks)
	}
}
