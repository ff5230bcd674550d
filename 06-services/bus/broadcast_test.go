package bus_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"warren.example/06-services/bus"
	"warren.example/06-services/events"
	"warren.example/workshop/lab"
)

func TestEachInstanceHearsABroadcast(t *testing.T) {
	t.Parallel()
	l := lab.New(t)
	shop(t, l)
	price := func() events.Message {
		m, err := events.New(events.ProductPriceChanged{SKU: "tea"}, events.About{Service: "catalog", Now: time.Now()})
		require.NoError(t, err)
		return m
	}
	missed, heard := make(chan struct{}, 8), make(chan string, 8)
	var calls []*lab.Call
	for range 2 {
		b := &bus.Broadcast{Config: config(t, l.URL), Hears: []string{"product.price-changed"},
			Missed: func() { missed <- struct{}{} },
			Handle: func(_ context.Context, m events.Message) error {
				heard <- m.ID
				if len(m.ID) == 0 {
					panic("no id")
				}
				return errors.New("logged")
			}}
		calls = append(calls, l.Go("Broadcast", b.Run))
	}
	for range 2 { // the second time after a lost connection
		<-missed
		<-missed
		one, two := price(), price()
		publish(t, l, []events.Message{one, two})
		got := []string{<-heard, <-heard, <-heard, <-heard}
		require.ElementsMatch(t, []string{one.ID, one.ID, two.ID, two.ID}, got)
		l.Tap.CutAll()
	}
	for _, call := range calls {
		require.NoError(t, call.Stopped())
	}
}
