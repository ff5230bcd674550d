package routing_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"warren.example/workshop/minirabbit/internal/routing"
	"warren.example/workshop/wire"
)

// world is a graph that tests build in a few words.
type world struct {
	*testing.T
	*routing.Graph
}

func newWorld(t *testing.T, queues ...string) *world {
	w := &world{T: t, Graph: routing.New(routing.Rules40)}
	for _, q := range queues {
		w.AddQueue(q)
	}
	return w
}

// exchange declares one; an argument is an alternate exchange.
func (w *world) exchange(name string, kind routing.Kind, alternate ...string) *world {
	x := routing.Exchange{Name: name, Kind: kind}
	for _, a := range alternate {
		x.Arguments = wire.Table{{Name: "alternate-exchange", Value: wire.String(a)}}
	}
	require.NoError(w, w.Declare(x))
	return w
}

func (w *world) temporary(name string, kind routing.Kind) *world {
	require.NoError(w, w.Declare(routing.Exchange{Name: name, Kind: kind, AutoDelete: true}))
	return w
}

func toQueue(source, queue, key string, args ...wire.Field) routing.Binding {
	return routing.Binding{Source: source, Destination: queue, Key: key, Arguments: args}
}

func toExchange(source, destination, key string) routing.Binding {
	return routing.Binding{Source: source, Destination: destination, ToExchange: true, Key: key}
}

func (w *world) bind(bindings ...routing.Binding) *world {
	for _, b := range bindings {
		added, err := w.Bind(b)
		require.NoError(w, err)
		require.True(w, added, "%+v is there already", b)
	}
	return w
}

// goes requires that a message reaches exactly these queues, each once.
func (w *world) goes(exchange, key string, queues ...string) {
	w.Helper()
	w.message(exchange, routing.Message{Key: key}, queues...)
}

func (w *world) message(exchange string, m routing.Message, queues ...string) {
	w.Helper()
	got, found := w.Route(nil, exchange, m)
	require.True(w, found)
	slices.Sort(got)
	slices.Sort(queues)
	require.Equal(w, queues, got, "exchange %q, %+v", exchange, m)
}

func TestDefaultExchangeRoutesToTheQueueOfThatName(t *testing.T) {
	w := newWorld(t, "orders")
	w.goes("", "orders", "orders")
	w.goes("", "none")
	w.RemoveQueue("orders")
	w.goes("", "orders")
}

func TestUnknownExchangeIsNotFound(t *testing.T) {
	queues, found := newWorld(t).Route([]string{"before"}, "none", routing.Message{})
	require.False(t, found)
	require.Equal(t, []string{"before"}, queues)
}

func TestDirectExchangeComparesKeys(t *testing.T) {
	w := newWorld(t, "a", "b").exchange("x", routing.Direct)
	w.bind(toQueue("x", "a", "red"), toQueue("x", "a", "blue"), toQueue("x", "b", "blue"), toQueue("x", "b", ""))
	w.goes("x", "red", "a")
	w.goes("x", "blue", "a", "b")
	w.goes("x", "", "b")
	w.goes("x", "#")
}

func TestFanoutExchangeIgnoresKeysAndTellsEachQueueOnce(t *testing.T) {
	w := newWorld(t, "a", "b").exchange("x", routing.Fanout)
	w.bind(toQueue("x", "a", "red"), toQueue("x", "a", "blue"), toQueue("x", "b", ""))
	w.goes("x", "green", "a", "b")
}

func TestMessageReachesAQueueOnceByAllWays(t *testing.T) {
	w := newWorld(t, "q").exchange("x", routing.Topic).exchange("y", routing.Fanout).exchange("z", routing.Direct)
	w.bind(
		toQueue("x", "q", "#"), toQueue("x", "q", "a.*"),
		toExchange("x", "y", "a.#"), toExchange("x", "z", "#.b"),
		toQueue("y", "q", ""), toQueue("z", "q", "a.b"),
	)
	w.goes("x", "a.b", "q")
}

func TestCyclesEnd(t *testing.T) {
	w := newWorld(t, "q", "r").exchange("x", routing.Fanout).exchange("y", routing.Fanout)
	w.bind(toExchange("x", "y", ""), toExchange("y", "x", ""), toExchange("x", "x", ""), toQueue("y", "q", ""), toQueue("x", "r", ""))
	w.goes("x", "", "q", "r")
	w.goes("y", "", "q", "r")
}

func TestInternalExchangeIsReachedFromAnother(t *testing.T) {
	w := newWorld(t, "q").exchange("x", routing.Fanout)
	require.NoError(t, w.Declare(routing.Exchange{Name: "inner", Kind: routing.Fanout, Internal: true}))
	w.bind(toExchange("x", "inner", ""), toQueue("inner", "q", ""))
	w.goes("x", "", "q")
}

func TestAlternateExchangeGetsWhatMatchedNothing(t *testing.T) {
	w := newWorld(t, "q", "rest").exchange("x", routing.Direct, "y").exchange("y", routing.Direct, "z").exchange("z", routing.Fanout)
	w.bind(toQueue("x", "q", "known"), toQueue("y", "q", "second"), toQueue("z", "rest", ""))
	w.goes("x", "known", "q")
	w.goes("x", "second", "q")
	w.goes("x", "third", "rest")
	require.Empty(t, w.Delete("y").Exchanges)
	w.goes("x", "third") // the alternate need not exist
}

func TestAlternateExchangeIsNotUsedWhenABindingLedNowhere(t *testing.T) {
	w := newWorld(t, "rest").exchange("x", routing.Fanout, "z").exchange("empty", routing.Fanout).exchange("z", routing.Fanout)
	w.bind(toExchange("x", "empty", ""), toQueue("z", "rest", ""))
	w.goes("x", "")
	w.bind(toExchange("empty", "x", ""))
	w.goes("empty", "") // x matches empty, which was reached before
}

func TestAlternateExchangesMayFormACycle(t *testing.T) {
	w := newWorld(t).exchange("x", routing.Direct, "y").exchange("y", routing.Direct, "x").exchange("self", routing.Direct, "self")
	w.goes("x", "")
	w.goes("self", "")
}

func TestDefaultExchangeAsAlternateRoutesNothing(t *testing.T) {
	w := newWorld(t, "q").exchange("x", routing.Direct, "")
	w.goes("x", "q")
}

func TestUnbindingNeedsEqualArguments(t *testing.T) {
	w := newWorld(t, "q").exchange("x", routing.Fanout)
	small, big := wire.Field{Name: "n", Value: wire.Int32(1)}, wire.Field{Name: "n", Value: wire.Int64(1)}
	w.bind(toQueue("x", "q", "k", small), toQueue("x", "q", "k", big), toQueue("x", "q", "k"), toQueue("x", "q", "l"))
	for _, b := range []routing.Binding{toQueue("x", "q", "k", big), toQueue("x", "q", "k"), toQueue("x", "q", "l")} {
		was, removed := w.Unbind(b)
		require.True(t, was)
		require.Equal(t, routing.Removed{Bindings: []routing.Binding{b}}, removed)
		was, _ = w.Unbind(b)
		require.False(t, was)
		w.goes("x", "", "q")
	}
	w.Unbind(toQueue("x", "q", "k", small))
	w.goes("x", "")
}

func TestArgumentsOfABindingHaveNoOrder(t *testing.T) {
	a, b := wire.Field{Name: "a", Value: wire.Bool(true)}, wire.Field{Name: "b", Value: wire.Int64L(5)}
	require.True(t, toQueue("x", "q", "", a, b).Same(toQueue("x", "q", "", wire.Field{Name: "b", Value: wire.Int64(5)}, a)))
	require.False(t, toQueue("x", "q", "", a, b).Same(toQueue("x", "q", "", a)))
	require.False(t, toQueue("x", "q", "").Same(toExchange("x", "q", "")))
	require.False(t, toQueue("xq", "", "").Same(toQueue("x", "q", "")))
}

func TestBindingTwiceIsNoError(t *testing.T) {
	w := newWorld(t, "q").exchange("x", routing.Fanout).bind(toQueue("x", "q", "k"))
	added, err := w.Bind(toQueue("x", "q", "k"))
	require.NoError(t, err)
	require.False(t, added)
	require.Len(t, w.BindingsFrom("x"), 1)
}

func TestAutoDeleteExchangeGoesWithItsLastBinding(t *testing.T) {
	w := newWorld(t, "q", "r").temporary("x", routing.Fanout)
	_, ok := w.Exchange("x")
	require.True(t, ok, "it stays as long as it never had a binding")
	w.bind(toQueue("x", "q", ""), toQueue("x", "r", ""))
	_, removed := w.Unbind(toQueue("x", "q", ""))
	require.Empty(t, removed.Exchanges)
	_, removed = w.Unbind(toQueue("x", "r", ""))
	require.Equal(t, []routing.Exchange{{Name: "x", Kind: routing.Fanout, AutoDelete: true}}, removed.Exchanges)
	_, ok = w.Exchange("x")
	require.False(t, ok)
}

func TestAutoDeleteFollowsFromExchangeToExchange(t *testing.T) {
	w := newWorld(t, "q").temporary("x", routing.Fanout).temporary("y", routing.Fanout).temporary("z", routing.Fanout)
	w.bind(toExchange("x", "y", ""), toExchange("y", "z", ""), toQueue("z", "q", ""))
	removed := w.RemoveQueue("q")
	require.Equal(t, []string{"z", "y", "x"}, names(removed.Exchanges))
	require.Equal(t, []routing.Binding{toQueue("z", "q", ""), toExchange("y", "z", ""), toExchange("x", "y", "")}, removed.Bindings)
}

func TestAutoDeleteExchangeBoundToItselfIsDeletedOnce(t *testing.T) {
	w := newWorld(t).temporary("x", routing.Fanout).bind(toExchange("x", "x", ""))
	_, removed := w.Unbind(toExchange("x", "x", ""))
	require.Equal(t, []string{"x"}, names(removed.Exchanges))
	w.temporary("x", routing.Fanout).bind(toExchange("x", "x", ""))
	removed = w.Delete("x")
	require.Empty(t, removed.Exchanges)
	require.Len(t, removed.Bindings, 1)
}

func TestDeletedExchangeTakesItsBindings(t *testing.T) {
	w := newWorld(t, "q").exchange("x", routing.Fanout).exchange("y", routing.Fanout).temporary("z", routing.Fanout)
	w.bind(toExchange("x", "y", ""), toQueue("y", "q", ""), toQueue("x", "q", ""), toExchange("z", "y", ""))
	require.True(t, w.HasBindings("y"))
	removed := w.Delete("y")
	require.Equal(t, []routing.Binding{toQueue("y", "q", ""), toExchange("x", "y", ""), toExchange("z", "y", "")}, removed.Bindings)
	require.Equal(t, []string{"z"}, names(removed.Exchanges))
	require.Equal(t, []routing.Binding{toQueue("x", "q", "")}, w.Bindings())
	require.Equal(t, []routing.Binding{toQueue("x", "q", "")}, w.BindingsTo("q", false))
	w.exchange("y", routing.Fanout)
	require.False(t, w.HasBindings("y"))
	w.goes("y", "")
}

func TestPredeclaredExchangesAreThere(t *testing.T) {
	w := newWorld(t)
	want := []string{"", "amq.direct", "amq.fanout", "amq.headers", "amq.match", "amq.rabbitmq.trace", "amq.topic"}
	require.Equal(t, want, names(w.Exchanges()))
}

func TestPropertiesKeyTellsBindingsApart(t *testing.T) {
	require.Equal(t, "~", toQueue("x", "q", "").PropertiesKey())
	require.Equal(t, "a.b", toQueue("x", "q", "a.b").PropertiesKey())
	require.Equal(t, "%2F%7E", toQueue("x", "q", "/~").PropertiesKey())
	one := toQueue("x", "q", "k", wire.Field{Name: "n", Value: wire.Int32(1)}).PropertiesKey()
	two := toQueue("x", "q", "k", wire.Field{Name: "n", Value: wire.Int32(2)}).PropertiesKey()
	require.NotEqual(t, one, two)
	require.Regexp(t, `^k~[\w-]+$`, one)
}

func names(exchanges []routing.Exchange) []string {
	var all []string
	for _, x := range exchanges {
		all = append(all, x.Name)
	}
	return all
}

func TestTheWayOfACopyIsCounted(t *testing.T) {
	w := newWorld(t, "tea", "cups").exchange("news", routing.Topic).exchange("recalls", routing.Fanout).exchange("offers", routing.Direct)
	w.bind(
		routing.Binding{Source: "news", Destination: "recalls", ToExchange: true, Key: "recall.#"},
		routing.Binding{Source: "news", Destination: "offers", ToExchange: true, Key: "offer.*"},
		routing.Binding{Source: "offers", Destination: "tea", Key: "offer.tea"},
		routing.Binding{Source: "offers", Destination: "cups", Key: "offer.cups"},
		routing.Binding{Source: "recalls", Destination: "tea"},
		routing.Binding{Source: "recalls", Destination: "cups"},
	)
	w.goes("news", "offer.tea", "tea")
	w.goes("news", "recall.tea", "cups", "tea")
	w.goes("news", "weather")
	count := map[string]uint64{}
	for i, b := range w.Bindings() {
		count[b.Source+" "+b.Destination] = w.Carried()[i]
	}
	require.Equal(t, map[string]uint64{
		"news recalls": 1, "news offers": 1, "offers tea": 1, "offers cups": 0, "recalls tea": 1, "recalls cups": 1,
	}, count)
}

func TestTwoWaysToOneQueueCarryOneCopy(t *testing.T) {
	w := newWorld(t, "mail").exchange("events", routing.Topic)
	w.bind(routing.Binding{Source: "events", Destination: "mail", Key: "user.*"}, routing.Binding{Source: "events", Destination: "mail", Key: "*.login"})
	w.goes("events", "user.login", "mail")
	require.EqualValues(t, 1, w.Carried()[0]+w.Carried()[1])
}
