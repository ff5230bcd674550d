package routing_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"warren.example/workshop/minirabbit/internal/routing"
	"warren.example/workshop/wire"
)

// place tells for each of many keys the queue that it goes to.
func place(w *world, of func(i int) routing.Message) []string {
	places := make([]string, 6000)
	for i := range places {
		queues, _ := w.Route(nil, "x", of(i))
		require.Len(w, queues, 1)
		places[i] = queues[0]
	}
	return places
}

func byKey(i int) routing.Message { return routing.Message{Key: fmt.Sprint("order-", i)} }

func count(places []string) map[string]int {
	counts := make(map[string]int)
	for _, q := range places {
		counts[q]++
	}
	return counts
}

func ring(t *testing.T, args ...wire.Field) *world {
	w := newWorld(t, "a", "b", "c")
	require.NoError(t, w.Declare(routing.Exchange{Name: "x", Kind: routing.ConsistentHash, Arguments: args}))
	return w.bind(toQueue("x", "a", "1"), toQueue("x", "b", "1"), toQueue("x", "c", "2"))
}

func TestConsistentHashSharesByWeight(t *testing.T) {
	counts := count(place(ring(t), byKey))
	require.InDelta(t, 1500, counts["a"], 150)
	require.InDelta(t, 1500, counts["b"], 150)
	require.InDelta(t, 3000, counts["c"], 150)
}

func TestConsistentHashKeepsItsPlaces(t *testing.T) {
	before := place(ring(t), byKey)
	w := ring(t)
	require.Equal(t, before, place(w, byKey), "another exchange with the same bindings")
	w.AddQueue("d")
	w.bind(toQueue("x", "d", "1"))
	after := place(w, byKey)
	for i := range before {
		if after[i] != before[i] {
			require.Equal(t, "d", after[i], "only what the new queue gets has moved")
		}
	}
	require.InDelta(t, 1200, count(after)["d"], 150)
	w.RemoveQueue("d")
	require.Equal(t, before, place(w, byKey))
}

func TestConsistentHashOfAHeader(t *testing.T) {
	w := ring(t, field("hash-header", wire.String("customer")))
	by := func(v wire.Value) func(i int) routing.Message {
		return func(i int) routing.Message {
			return routing.Message{Key: fmt.Sprint(i), Properties: &wire.Properties{Headers: table(field("customer", v))}}
		}
	}
	require.Len(t, count(place(w, by(wire.String("alice")))), 1, "the key plays no part")
	require.Equal(t, place(w, by(wire.Int32(5))), place(w, by(wire.Int64(5))))
	require.Len(t, count(place(w, byKey)), 1, "messages without the header go to one queue")
	spread := place(w, func(i int) routing.Message { return by(wire.Int32(i))(0) })
	require.Len(t, count(spread), 3)
	require.Len(t, count(place(w, func(i int) routing.Message { return by(wire.Array{wire.Int32(i)})(0) })), 3)
}

func TestConsistentHashOfAProperty(t *testing.T) {
	for property, set := range map[string]func(p *wire.Properties, i int){
		"correlation_id": func(p *wire.Properties, i int) { p.CorrelationId = wire.Some(fmt.Sprint(i)) },
		"message_id":     func(p *wire.Properties, i int) { p.MessageId = wire.Some(fmt.Sprint(i)) },
		"timestamp":      func(p *wire.Properties, i int) { p.Timestamp = wire.Some(wire.Timestamp(i)) },
	} {
		w := ring(t, field("hash-property", wire.String(property)))
		require.Len(t, count(place(w, byKey)), 1)
		require.Len(t, count(place(w, func(int) routing.Message { return routing.Message{Properties: &wire.Properties{}} })), 1)
		require.Len(t, count(place(w, func(i int) routing.Message {
			m := routing.Message{Properties: &wire.Properties{}}
			set(m.Properties, i)
			return m
		})), 3)
	}
}

func TestConsistentHashCountsOneBindingPerQueue(t *testing.T) {
	w := newWorld(t, "a", "b").exchange("x", routing.ConsistentHash)
	w.bind(toQueue("x", "a", "1"), toQueue("x", "a", "50"), toQueue("x", "b", "1"))
	require.InDelta(t, 3000, count(place(w, byKey))["a"], 200, "the second binding of a changes nothing")
	w.Unbind(toQueue("x", "a", "50"))
	require.Equal(t, map[string]int{"b": 6000}, count(place(w, byKey)), "as in RabbitMQ, it takes the first with it")
	w.Unbind(toQueue("x", "a", "1"))
	w.Unbind(toQueue("x", "b", "1"))
	w.goes("x", "k")
}

func TestWeights(t *testing.T) {
	const number, positive = "The binding key must be an integer: ", "The binding key must be greater than 0"
	tests := []struct{ key, in310, in40, in43 string }{
		{key: "1"}, {key: "+5"}, {key: "0003"},
		{"10001", "", "", "The binding key must not exceed 10000"},
		{"99999999999999999999999", "", "", "The binding key must not exceed 10000"},
		{"0", positive, positive, positive},
		{"-1", positive, positive, positive},
		{"", number + "<<>>", number + "<<>>", number + "<<>>"},
		{"abc", number + `<<"abc">>`, number + `<<"abc">>`, number + `<<"abc">>`},
		{"1_0", number + `<<"1_0">>`, number + `<<"1_0">>`, number + `<<"1_0">>`},
		{"0x10", number + `<<"0x10">>`, number + `<<"0x10">>`, number + `<<"0x10">>`},
		{`a"b\`, number + `<<"a\"b\\">>`, number + `<<"a\"b\\">>`, number + `<<"a\"b\\">>`},
		{"a\tb", number + `<<"a\tb">>`, number + `<<"a\tb">>`, number + `<<"a\tb">>`},
		{"\x00\x01", number + `<<0,1>>`, number + `<<0,1>>`, number + `<<0,1>>`},
		{"a\x7fb", number + `<<97,127,98>>`, number + `<<97,127,98>>`, number + `<<97,127,98>>`},
		{"é", number + `<<"é">>`, number + `<<"é"/utf8>>`, number + `<<"é"/utf8>>`},
		{"日", number + `<<230,151,165>>`, number + `<<"日"/utf8>>`, number + `<<"日"/utf8>>`},
	}
	for _, test := range tests {
		for _, v := range []struct {
			routing.Rules
			want string
		}{{routing.Rules310, test.in310}, {routing.Rules40, test.in40}, {routing.Rules43, test.in43}} {
			w := &world{T: t, Graph: routing.New(v.Rules)}
			w.AddQueue("q")
			_, err := w.exchange("x", routing.ConsistentHash).Bind(toQueue("x", "q", test.key))
			if v.want == "" {
				require.NoError(t, err, test.key)
				w.goes("x", "k", "q")
			} else {
				require.EqualError(t, err, v.want, test.key)
			}
		}
	}
}

func TestConsistentHashArguments(t *testing.T) {
	header, property := field("hash-header", wire.String("h")), field("hash-property", wire.String("message_id"))
	declare := func(args ...wire.Field) error {
		return newWorld(t).Declare(routing.Exchange{Name: "x", Kind: routing.ConsistentHash, Arguments: args})
	}
	require.NoError(t, declare(header))
	require.NoError(t, declare(property))
	require.EqualError(t, declare(header, property), "hash-header and hash-property are mutually exclusive")
	require.EqualError(t, declare(field("hash-property", wire.String("app_id"))), "Unsupported property: app_id")
	require.ErrorIs(t, declare(field("hash-property", wire.Int32(1))), routing.ErrInternal)
	require.ErrorIs(t, declare(field("hash-header", wire.Int32(1))), routing.ErrInternal)
}
