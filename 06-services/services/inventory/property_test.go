package inventory_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"warren.example/06-services/events"
	"warren.example/06-services/inbox"
	"warren.example/06-services/outbox"
	"warren.example/06-services/services/inventory"
	"warren.example/06-services/store"
	"warren.example/06-services/store/storetest"
)

// Whatever comes, in whatever order and however often: goods neither appear nor vanish, and what is reserved and sold is what
// the reservations say.
func TestGoodsNeitherAppearNorVanish(t *testing.T) {
	each(t, func(t *testing.T, s *shop) {
		run := 0
		rapid.Check(t, func(t *rapid.T) {
			run++
			skus := []string{fmt.Sprintf("cup%d", run), fmt.Sprintf("tea%d", run)}
			supplied := rapid.SliceOfN(rapid.IntRange(0, 6), 2, 2).Draw(t, "supplied")
			for i, sku := range skus {
				s.supply(t, sku, supplied[i])
			}
			var known []events.Message
			for n := range rapid.IntRange(1, 10).Draw(t, "steps") {
				m := command(t, s, run, n, skus, known)
				known = append(known, m)
				group := []events.Message{m}
				if rapid.Bool().Draw(t, "grouped") {
					group = append(group, command(t, s, run, 100+n, skus, known))
				}
				for _, err := range s.inbox.Handle(context.Background(), group) {
					require.True(t, err == nil || strings.Contains(err.Error(), "never asks"), "%v", err)
				}
				s.forget()
				for i, sku := range skus {
					c := s.counts(t, sku)
					require.Equal(t, supplied[i], c.available+c.reserved+c.sold)
					reserved, sold := s.held(t, sku)
					require.Equal(t, counts{available: supplied[i] - reserved - sold, reserved: reserved, sold: sold}, c)
				}
			}
		})
	})
}

// command makes a command of one of three orders, or takes one that came before.
func command(t *rapid.T, s *shop, run, n int, skus []string, known []events.Message) events.Message {
	if len(known) > 0 && rapid.IntRange(0, 4).Draw(t, "again") == 0 {
		return rapid.SampledFrom(known).Draw(t, "which")
	}
	order := fmt.Sprintf("%d-%d", run, rapid.IntRange(0, 2).Draw(t, "order"))
	wanted := lines(skus[0], rapid.IntRange(1, 3).Draw(t, "cups"))
	if rapid.Bool().Draw(t, "tea, too") {
		wanted = append(wanted, events.Line{SKU: skus[1], Quantity: rapid.IntRange(1, 3).Draw(t, "teas")})
	}
	p := rapid.SampledFrom([]events.Payload{
		events.StockReserve{Order: order, Lines: wanted}, events.StockRelease{Order: order}, events.StockCommit{Order: order},
		events.StockReturn{Order: order, Refund: fmt.Sprint("r", n)},
	}).Draw(t, "command")
	return s.message(t, p, events.About{Correlation: order})
}

// held adds up what the reservations have of a product.
func (s *shop) held(t require.TestingT, sku string) (reserved, sold int) {
	rows, err := s.db.Query("SELECT state, lines FROM reservations WHERE lines LIKE $1", `%"`+sku+`"%`)
	require.NoError(t, err)
	defer rows.Close()
	for rows.Next() {
		var state, text string
		require.NoError(t, rows.Scan(&state, &text))
		for _, l := range readLines(t, text) {
			switch {
			case l.SKU == sku && state == "reserved":
				reserved += l.Quantity
			case l.SKU == sku && state == "committed":
				sold += l.Quantity
			}
		}
	}
	require.NoError(t, rows.Err())
	return reserved, sold
}

// What comes over the wire may be anything: it is done, or refused for good, or an error; the goods stay what they are.
func FuzzCommands(f *testing.F) {
	for _, body := range []string{`{"order":"o","lines":[{"sku":"cup","quantity":1}]}`, `{"order":"o","refund":"r"}`, `{}`, `null`,
		`{"order":"o","lines":[{"sku":"cup","quantity":9223372036854775807}]}`, `{"order":"\u0000"}`, `{"order":"o","lines":null}`,
		`{"order":"\ud800","lines":[{"sku":"cup","quantity":1e3}]}`, `{"order":{}}`, `[]`, ``, "\xff"} {
		for i := range commands {
			f.Add(uint8(i), 1, []byte(body))
		}
	}
	db, err := store.Open(f.Context(), storetest.SQLite(f), nil, outbox.Migrations, inbox.Migrations, *inventory.Definition.Store)
	require.NoError(f, err)
	f.Cleanup(func() { require.NoError(f, db.Close()) })
	s := newShop(f, db)
	s.supply(f, "cup", 1000)
	f.Fuzz(func(t *testing.T, command uint8, schema int, body []byte) {
		m := s.message(t, events.StockRelease{}, events.About{})
		m.Type, m.Schema, m.Body = string(commands[int(command)%len(commands)]), schema, body
		err := s.inbox.Handle(t.Context(), []events.Message{m})[0]
		require.True(t, err == nil || errors.Is(err, events.ErrMalformed) || strings.Contains(err.Error(), "never asks"), "%v", err)
		c := s.counts(t, "cup")
		require.Equal(t, 1000, c.available+c.reserved+c.sold)
		s.forget()
	})
}
