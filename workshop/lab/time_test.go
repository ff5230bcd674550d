package lab_test

import (
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/stretchr/testify/require"

	"warren.example/workshop/broker"
	"warren.example/workshop/broker/mini"
	"warren.example/workshop/lab"
)

// A limit of an hour is over when Pass says so on minirabbit, and soon on a real broker.
func TestTimePassesForTheBroker(t *testing.T) {
	t.Parallel()
	l := lab.NewTimed(t)
	source, err := mini.Find(t.Context())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, source.Close()) })
	require.Equal(t, source.Has(broker.Clock), l.HasClock())
	limit := l.Time(time.Hour)
	require.Equal(t, l.HasClock(), limit == time.Hour)
	l.Declare("baskets", amqp.Table{"x-message-ttl": limit.Milliseconds(), "x-dead-letter-exchange": "", "x-dead-letter-routing-key": "late"})
	l.Declare("late", nil)
	l.Publish("baskets", "basket-7")
	if l.HasClock() {
		l.Pass(limit - time.Second)
		require.Equal(t, 1, l.Depth("baskets"), "an hour is not over")
	}
	l.Pass(limit)
	l.Await("basket-7 is late", func() bool { return l.Depth("late") == 1 })
}

func TestALabWithoutAskingHasNoClock(t *testing.T) {
	t.Parallel()
	l := lab.New(t)
	require.False(t, l.HasClock())
	require.Equal(t, 300*time.Millisecond, l.Time(15*time.Minute))
	require.Equal(t, time.Millisecond, l.Time(time.Millisecond), "no limit becomes zero")
	l.Pass(time.Hour) // nothing happens
}
