package routing_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"warren.example/workshop/minirabbit/internal/routing"
	"warren.example/workshop/wire"
)

func TestMessageGoesToTheQueuesOfAllItsKeys(t *testing.T) {
	w := newWorld(t, "a", "b", "c").exchange("d", routing.Direct).exchange("t", routing.Topic).exchange("f", routing.Fanout)
	w.bind(toQueue("d", "a", "1"), toQueue("d", "b", "2"), toQueue("t", "a", "x.*"), toQueue("t", "c", "#.z"), toQueue("f", "a", ""))
	w.message("d", routing.Message{Key: "1", More: []string{"2", "1"}}, "a", "b")
	w.message("t", routing.Message{Key: "none", More: []string{"x.y", "z"}}, "a", "c")
	w.message("f", routing.Message{Key: "1", More: []string{"2"}}, "a")
	w.message("", routing.Message{Key: "a", More: []string{"c", "none", "a"}}, "a", "c")
}

func TestExtraKeys(t *testing.T) {
	list := func(texts ...string) wire.Array {
		var a wire.Array
		for _, text := range texts {
			a = append(a, wire.String(text))
		}
		return a
	}
	more, err := routing.ExtraKeys(table(field("h", wire.Int32(1))))
	require.NoError(t, err)
	require.Nil(t, more)
	more, err = routing.ExtraKeys(table(field("BCC", list("c")), field("CC", append(list("a", "b"), wire.Int32(5)))))
	require.NoError(t, err)
	require.Equal(t, []string{"a", "b", "c"}, more)
	for _, name := range []string{"CC", "BCC"} {
		_, err = routing.ExtraKeys(table(field(name, wire.String("a"))))
		require.EqualError(t, err, `invalid message: {unacceptable_type_in_header,"`+name+`",longstr}`)
	}
}

func TestBlindCopiesAreTakenOff(t *testing.T) {
	before := table(field("a", wire.Int32(1)), field("BCC", wire.Array{}), field("CC", wire.Array{}))
	require.Equal(t, table(before[0], before[2]), routing.WithoutBCC(before))
	require.Len(t, before, 3, "the publisher's table is left alone")
	require.Equal(t, table(before[0]), routing.WithoutBCC(table(before[0])))
	require.Nil(t, routing.WithoutBCC(nil))
}
