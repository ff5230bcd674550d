package order_test

import (
	"fmt"
	"math"
	"reflect"
	"testing"

	"github.com/stretchr/testify/require"

	"warren.example/06-services/money"
	"warren.example/06-services/services/order/order"
)

func eur(minor int64) money.Money { return money.Of(minor, "EUR") }

func place(items ...order.Item) order.Place {
	return order.Place{ID: "1", Customer: "ann", Items: items}
}

func tea(quantity int, price money.Money) order.Item {
	return order.Item{SKU: "tea", Quantity: quantity, Price: price}
}

var (
	overcharged = order.WasOvercharged{Refund: "r"}
	placed      = order.WasPlaced{Order: "1", Customer: "ann", Items: []order.Item{tea(3, eur(399))}, Total: eur(1197)}

	// streams has one that leads to each state that makes a difference.
	streams = map[string][]order.Event{
		"nothing":                {},
		"placed":                 {placed},
		"reserved":               {placed, order.WasReserved{}},
		"confirmed":              {placed, order.WasReserved{}, order.WasConfirmed{}},
		"refunding":              {placed, order.WasReserved{}, order.WasConfirmed{}, order.RefundWasAsked{Refund: "r"}},
		"refund_stuck":           {placed, order.WasConfirmed{}, order.RefundWasAsked{Refund: "r"}, order.RefundGotStuck{}},
		"refunded":               {placed, order.WasConfirmed{}, order.RefundWasAsked{Refund: "r"}, order.WasRefunded{}},
		"cancelled":              {placed, order.WasCancelled{Reason: "customer"}},
		"overcharged":            {placed, order.WasReserved{}, overcharged},
		"cancelled, overcharged": {placed, order.WasCancelled{Reason: "customer"}, overcharged},
		"repaid":                 {placed, order.WasCancelled{Reason: "customer"}, overcharged, order.WasRepaid{}},
	}
)

func TestEveryCommandInEveryState(t *testing.T) {
	cancelled := order.WasCancelled{Reason: "no_answer"}
	allowed := map[string]map[string]order.Event{
		"nothing": {"Place": placed},
		"placed": {"Reserve": order.WasReserved{}, "Cancel": cancelled,
			"Overcharge": overcharged},
		"reserved":               {"Confirm": order.WasConfirmed{}, "Cancel": cancelled, "Overcharge": overcharged},
		"confirmed":              {"AskRefund": order.RefundWasAsked{Refund: "r"}},
		"refunding":              {"GetStuck": order.RefundGotStuck{}, "Refund": order.WasRefunded{}},
		"refund_stuck":           {"Resume": order.RefundWasResumed{}, "Refund": order.WasRefunded{}},
		"cancelled":              {"Overcharge": overcharged},
		"overcharged":            {"Cancel": cancelled, "Repay": order.WasRepaid{}},
		"cancelled, overcharged": {"Repay": order.WasRepaid{}},
	}
	commands := []order.Command{place(tea(3, eur(399))), order.Reserve{}, order.Confirm{}, order.Cancel{Reason: "no_answer"},
		order.AskRefund{Refund: "r"}, order.GetStuck{}, order.Resume{}, order.Refund{}, order.Overcharge{Refund: "r"}, order.Repay{}}
	for state, stream := range streams {
		for _, c := range commands {
			name := reflect.TypeOf(c).Name()
			before := order.Replay(stream)
			got, err := order.Decide(before, c)
			require.Equal(t, order.Replay(stream), before, "Decide changes nothing")
			want, ok := allowed[state][name]
			if !ok {
				require.ErrorIs(t, err, order.ErrForbidden, "%s when %s: %v", name, state, got)
				continue
			}
			require.NoError(t, err, "%s when %s", name, state)
			require.Equal(t, []order.Event{want}, got, "%s when %s", name, state)
		}
	}
}

func TestReplay(t *testing.T) {
	o := order.Replay(streams["placed"])
	require.Equal(t, order.Order{ID: "1", Customer: "ann", Items: placed.Items, Total: eur(1197), Status: "placed", Version: 1}, o)
	for state, status := range map[string]order.Status{"nothing": "", "reserved": order.Reserved, "confirmed": order.Confirmed,
		"refunding": order.Refunding, "refund_stuck": order.RefundStuck, "refunded": order.Refunded, "cancelled": order.Cancelled,
		"overcharged": order.Reserved, "cancelled, overcharged": order.Cancelled, "repaid": order.Cancelled} {
		o := order.Replay(streams[state])
		require.Equal(t, status, o.Status, state)
		require.Equal(t, int64(len(streams[state])), o.Version, state)
	}
	require.Equal(t, "customer", order.Replay(streams["repaid"]).Reason)
}

func TestPlace(t *testing.T) {
	many := func(n int) (items []order.Item) {
		for i := range n {
			items = append(items, order.Item{SKU: fmt.Sprint(i), Quantity: 1, Price: eur(1)})
		}
		return items
	}
	other := order.Item{SKU: "cup", Quantity: 2, Price: eur(1000)}
	tests := map[string]struct {
		place order.Place
		total int64 // 0: refused
	}{
		"one":               {place(tea(3, eur(399))), 1197},
		"two":               {place(tea(3, eur(399)), other), 3197},
		"most lines":        {place(many(50)...), 50},
		"too many lines":    {place(many(51)...), 0},
		"no lines":          {place(), 0},
		"most of one":       {place(tea(1000, eur(1))), 1000},
		"too many of one":   {place(tea(1001, eur(1))), 0},
		"none of one":       {place(tea(0, eur(1))), 0},
		"less than none":    {place(tea(-1, eur(1))), 0},
		"twice":             {place(tea(1, eur(1)), tea(1, eur(1))), 0},
		"no name":           {place(order.Item{Quantity: 1, Price: eur(1)}), 0},
		"no price":          {place(tea(1, eur(0))), 0},
		"a negative price":  {place(tea(1, eur(-1)), other), 0},
		"no currency":       {place(tea(1, money.Of(1, ""))), 0},
		"two currencies":    {place(tea(1, money.Of(1, "USD")), other), 0},
		"the largest":       {place(tea(1, eur(math.MaxInt64))), math.MaxInt64},
		"too large":         {place(tea(2, eur(math.MaxInt64/2+1))), 0},
		"too large a sum":   {place(tea(1, eur(math.MaxInt64-1999)), other), 0},
		"the largest sum":   {place(tea(1, eur(math.MaxInt64-2000)), other), math.MaxInt64},
		"wraps to a profit": {place(tea(1000, eur(math.MaxInt64))), 0},
		"of nobody":         {order.Place{ID: "1", Items: many(1)}, 0},
		"without id":        {order.Place{Customer: "ann", Items: many(1)}, 0},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			happened, err := order.Decide(order.Order{}, test.place)
			if test.total == 0 {
				require.ErrorIs(t, err, order.ErrInvalid)
				return
			}
			require.NoError(t, err)
			require.Equal(t, eur(test.total), order.Replay(happened).Total)
		})
	}
}

func TestStoredEventsCanBeRead(t *testing.T) {
	seen := map[string]bool{}
	for _, stream := range streams {
		for _, e := range stream {
			body, err := order.Encode(e)
			require.NoError(t, err)
			back, err := order.Decode(e.Name(), body)
			require.NoError(t, err)
			require.Equal(t, e, back)
			seen[e.Name()] = true
		}
	}
	seen[order.RefundWasResumed{}.Name()] = true
	require.Len(t, seen, 10)
	_, err := order.Decode("shredded", []byte("{}"))
	require.Error(t, err)
	_, err = order.Decode("placed", []byte("[]"))
	require.Error(t, err)
}
