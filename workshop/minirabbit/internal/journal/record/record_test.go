package record_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"warren.example/workshop/minirabbit/internal/broker"
	"warren.example/workshop/minirabbit/internal/journal/record"
	"warren.example/workshop/minirabbit/internal/message"
	"warren.example/workshop/minirabbit/internal/routing"
	"warren.example/workshop/minirabbit/internal/vhost"
	"warren.example/workshop/wire"
)

var full = &message.Message{
	Exchange: "orders", RoutingKey: "a.b", More: []string{"c", "d"}, Hidden: 1, Failures: 3,
	Properties: wire.Properties{
		ContentType: wire.Some("text/plain"), DeliveryMode: wire.Some(uint8(2)), MessageId: wire.Some(""),
		Headers: wire.Table{{Name: "n", Value: wire.Int64(-5)}, {Name: "l", Value: wire.Array{wire.String("x"), wire.Void{}}}},
	},
	Body:   []byte("the body\x00\xff"),
	Deaths: wire.Array{wire.Table{{Name: "reason", Value: wire.String("expired")}}},
}

func events() []*vhost.Event {
	args := wire.Table{{Name: "x-match", Value: wire.String("any")}}
	now := time.Unix(1_700_000_000, 123)
	return []*vhost.Event{
		{Kind: vhost.ExchangeDeclared, Exchange: routing.Exchange{Name: "x", Kind: routing.Headers, Durable: true, AutoDelete: true,
			Internal: true, Arguments: wire.Table{{Name: "alternate-exchange", Value: wire.String("y")}}}},
		{Kind: vhost.ExchangeDeleted, Exchange: routing.Exchange{Name: "x"}},
		{Kind: vhost.Bound, Binding: routing.Binding{Source: "x", Destination: "q", Key: "k", Arguments: args}},
		{Kind: vhost.Unbound, Binding: routing.Binding{Source: "x", Destination: "y", ToExchange: true, Key: "k", Arguments: args}},
		{Kind: vhost.QueueDeclared, Queue: "q", Declare: &wire.QueueDeclare{Queue: "q", Durable: true, Arguments: args}},
		{Kind: vhost.QueueDeleted, Queue: "q"},
		{Kind: vhost.Stored, Queue: "q", ID: 1 << 63, Message: full, Redelivered: true, DeliveryCount: 7, AcquiredCount: 9,
			Expiry: now, StoredAt: now.Add(-time.Hour)},
		{Kind: vhost.Stored, Queue: "", ID: 0, Message: full},
		{Kind: vhost.Removed, Queue: "q", ID: 5},
		{Kind: vhost.Delivered, Queue: "q", ID: 5},
		{Kind: vhost.Requeued, Queue: "q", ID: 5, DeliveryCount: 1},
	}
}

func TestEventsComeBack(t *testing.T) {
	var d record.Decoder
	decode(t, &d, message1(t, full))
	for _, e := range events() {
		e.Host = "/"
		got, change, err := d.Decode(event(t, e))
		require.NoError(t, err)
		require.Nil(t, change)
		if e.Message != nil {
			require.Equal(t, e.Message, got.Message)
		}
		require.Equal(t, e, got)
	}
}

func TestMessagesComeBack(t *testing.T) {
	for _, m := range []*message.Message{full, {}, {Body: []byte{}}, {More: []string{""}, Properties: wire.Properties{Headers: wire.Table{}}}} {
		var d record.Decoder
		decode(t, &d, message1(t, m))
		e := decode(t, &d, event(t, &vhost.Event{Kind: vhost.Stored, Queue: "q"}))
		require.Equal(t, m.Properties, e.Message.Properties)
		require.Equal(t, string(m.Body), string(e.Message.Body))
		require.Equal(t, m.More, e.Message.More)
		require.Equal(t, m.Deaths, e.Message.Deaths)
	}
}

func TestMessageIsSharedByWhatStoresIt(t *testing.T) {
	var d record.Decoder
	decode(t, &d, message1(t, full))
	one := decode(t, &d, event(t, &vhost.Event{Kind: vhost.Stored, Queue: "q"}))
	two := decode(t, &d, event(t, &vhost.Event{Kind: vhost.Stored, Queue: "r"}))
	require.Same(t, one.Message, two.Message)
	_, _, err := new(record.Decoder).Decode(event(t, &vhost.Event{Kind: vhost.Stored}))
	require.ErrorContains(t, err, "a message is stored that was not there")
}

func changes() []*broker.Record {
	return []*broker.Record{
		{Kind: broker.HostPut, Host: "/"},
		{Kind: broker.HostDeleted, Host: "/"},
		{Kind: broker.UserPut, User: broker.User{Name: "u", Password: "p", Tags: []string{"administrator", "x"}}},
		{Kind: broker.UserDeleted, User: broker.User{Name: "u"}},
		{Kind: broker.PermissionsPut, Host: "/", User: broker.User{Name: "u"}, Permissions: broker.Permissions{Configure: "c", Write: "w", Read: ""}},
		{Kind: broker.PermissionsDeleted, Host: "/", User: broker.User{Name: "u"}},
	}
}

func TestChangesComeBack(t *testing.T) {
	for _, want := range changes() {
		data, err := record.AppendRecord(nil, want)
		require.NoError(t, err)
		e, got, err := new(record.Decoder).Decode(data)
		require.NoError(t, err)
		require.Nil(t, e)
		require.Equal(t, want, got)
	}
}

func TestWhatNeedNotBeKeptHasNoRecord(t *testing.T) {
	data, err := record.AppendEvent([]byte("before"), &vhost.Event{Kind: vhost.Purged, Queue: "q"})
	require.NoError(t, err)
	require.Equal(t, "before", string(data))
}

func TestWhatCannotBeEncoded(t *testing.T) {
	long := strings.Repeat("x", 256)
	for _, e := range []*vhost.Event{
		{},
		{Kind: vhost.Bound, Binding: routing.Binding{Key: long}},
		{Kind: vhost.QueueDeclared, Declare: &wire.QueueDeclare{Arguments: wire.Table{{Name: "a"}}}},
	} {
		data, err := record.AppendEvent([]byte("before"), e)
		require.Error(t, err)
		require.Equal(t, "before", string(data))
	}
	_, err := record.AppendMessage(nil, &message.Message{Properties: wire.Properties{MessageId: &long}})
	require.Error(t, err)
	_, err = record.AppendRecord(nil, &broker.Record{})
	require.Error(t, err)
}

// samples are all kinds of records.
func samples(t require.TestingT) [][]byte {
	all := [][]byte{message1(t, full)}
	for _, e := range events() {
		all = append(all, event(t, e))
	}
	for _, c := range changes() {
		data, err := record.AppendRecord(nil, c)
		require.NoError(t, err)
		all = append(all, data)
	}
	return all
}

func TestShortenedRecordsAreErrors(t *testing.T) {
	for _, whole := range samples(t) {
		for n := range len(whole) {
			var d record.Decoder
			decode(t, &d, message1(t, full))
			_, _, err := d.Decode(whole[:n])
			if whole[0] != 'M' { // a body may have any length
				require.Error(t, err, "%q", whole[:n])
			}
			_, _, err = d.Decode(append(whole[:len(whole):len(whole)], 0))
			if whole[0] != 'M' {
				require.ErrorContains(t, err, "1 bytes are left over")
			}
		}
	}
}

func FuzzDecoder(f *testing.F) {
	for _, s := range samples(f) {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var d record.Decoder
		decode(t, &d, message1(t, full))
		e, change, err := d.Decode(data)
		if foldErr := record.NewFold().Add(0, data); err == nil {
			require.NoError(t, foldErr)
		}
		if err != nil {
			return
		}
		switch {
		case e != nil:
			again, err := record.AppendEvent(nil, e)
			require.NoError(t, err)
			same, _, err := d.Decode(again)
			require.NoError(t, err)
			require.Equal(t, e, same)
		case change != nil:
			_, err := record.AppendRecord(nil, change)
			require.NoError(t, err)
		}
	})
}

func event(t require.TestingT, e *vhost.Event) []byte {
	data, err := record.AppendEvent(nil, e)
	require.NoError(t, err)
	return data
}

func message1(t require.TestingT, m *message.Message) []byte {
	data, err := record.AppendMessage(nil, m)
	require.NoError(t, err)
	return data
}

func decode(t require.TestingT, d *record.Decoder, data []byte) *vhost.Event {
	e, _, err := d.Decode(data)
	require.NoError(t, err)
	return e
}
