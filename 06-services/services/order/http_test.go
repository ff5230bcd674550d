package order_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"warren.example/06-services/auth"
	"warren.example/06-services/store"
	"warren.example/06-services/store/storetest"
)

func TestPlaceRefuses(t *testing.T) {
	s := open(t, sqlite)
	line := func(sku string, quantity any) map[string]any { return map[string]any{"sku": sku, "quantity": quantity} }
	items := func(lines ...map[string]any) map[string]any { return map[string]any{"items": lines} }
	var many []map[string]any
	for n := range 51 {
		many = append(many, line(fmt.Sprint("sku-", n), 1))
	}
	s.catalog.set("gold", 1<<62, false)
	tests := map[string]struct {
		call   call
		status int
		says   string
	}{
		"nobody":           {call{key: "k", body: teas(1)}, 401, ""},
		"no key":           {call{who: ann, body: teas(1)}, 400, "Idempotency-Key"},
		"long key":         {call{who: ann, key: strings.Repeat("k", 256), body: teas(1)}, 400, "Idempotency-Key"},
		"odd key":          {call{who: ann, key: "k\x80", body: teas(1)}, 400, "Idempotency-Key"},
		"no JSON":          {call{who: ann, key: "k", body: "{"}, 400, "JSON"},
		"a float":          {call{who: ann, key: "k", body: items(line("tea", 1.5))}, 400, ""},
		"an unknown field": {call{who: ann, key: "k", body: map[string]any{"price": 1}}, 400, "price"},
		"nothing":          {call{who: ann, key: "k", body: items()}, 422, "items"},
		"no items":         {call{who: ann, key: "k", body: map[string]any{}}, 422, "items"},
		"too many lines":   {call{who: ann, key: "k", body: items(many...)}, 422, "items"},
		"none of it":       {call{who: ann, key: "k", body: items(line("tea", 0))}, 422, "items[0].quantity"},
		"less than none":   {call{who: ann, key: "k", body: items(line("tea", -1))}, 422, "items[0].quantity"},
		"too many":         {call{who: ann, key: "k", body: items(line("tea", 1001))}, 422, "items[0].quantity"},
		"twice":            {call{who: ann, key: "k", body: items(line("tea", 1), line("tea", 1))}, 422, "items"},
		"unknown":          {call{who: ann, key: "k", body: items(line("tea", 1), line("gin", 1))}, 422, `"items[1].sku"`},
		"two currencies":   {call{who: ann, key: "k", body: items(line("tea", 1), line("visa", 1))}, 422, "USD"},
		"too dear":         {call{who: ann, key: "k", body: items(line("gold", 2))}, 422, "too large"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			w := s.request("POST", "/orders", test.call)
			require.Equal(t, test.status, w.Code, w.Body)
			require.Contains(t, w.Body.String(), test.says)
			require.Equal(t, "application/problem+json", w.Header().Get("Content-Type"))
		})
	}
	s.expect()
	s.place("k") // what failed hasn't used the key
}

// sqlite opens a database of SQLite, for what no database decides.
func sqlite(t testing.TB, sets ...store.Migrations) *store.DB {
	db, err := store.Open(t.Context(), storetest.SQLite(t), nil, sets...)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	return db
}

func TestSameKey(t *testing.T) {
	each(t, func(t *testing.T, s *shop) {
		id := s.place("k")
		s.expect("order.placed", "stock.reserve")
		s.catalog.set("tea", 1, true) // neither a new price nor a catalog that is down matters any more
		s.later(time.Hour)
		require.Equal(t, id, s.place("k"))
		require.Equal(t, id, s.placeText("k",
			` {"priority":false, "items": [{"quantity":3,"sku":"tea"},{"sku":"kettle","quantity":1}]}`),
			"the same, written in another way")
		s.expect()
		s.do("POST", "/orders", call{who: ann, key: "k", body: teas(4)}, 422, nil)
		s.do("POST", "/orders", call{who: ann, key: "other", body: teas(3)}, 503, nil)
		s.catalog.set("tea", 1, false)
		s.do("POST", "/orders", call{who: bob, key: "k", body: teas(4)}, 202, nil)
	})
}

func (s *shop) placeText(key, body string) string {
	s.t.Helper()
	var answer struct{ ID string }
	s.do("POST", "/orders", call{who: ann, key: key, body: body}, 202, &answer)
	return answer.ID
}

// Two of the same request at once: an impatient customer, or a client that sends again.
func TestSameKeyAtOnce(t *testing.T) {
	each(t, func(t *testing.T, s *shop) {
		const at = 8
		for round := range 5 {
			answers := make([]string, at)
			start := make(chan struct{})
			var all sync.WaitGroup
			for n := range at {
				all.Go(func() {
					<-start
					w := s.request("POST", "/orders", call{who: ann, key: fmt.Sprint("k", round), body: teas(1)})
					answers[n] = fmt.Sprint(w.Code, w.Body)
				})
			}
			close(start)
			all.Wait()
			for _, answer := range answers {
				require.Equal(t, answers[0], answer)
			}
			require.Contains(t, answers[0], "202")
			s.expect("order.placed", "stock.reserve")
		}
	})
}

// What can't be sent any more piles up: a shop that takes more orders then only disappoints more people.
func TestNoOrdersWhileNothingCanBeSent(t *testing.T) {
	each(t, func(t *testing.T, s *shop) {
		id := s.place("k1")
		s.later(29 * time.Second)
		s.place("k2")
		s.later(2 * time.Second)
		h := s.do("POST", "/orders", call{who: ann, key: "k3", body: teas(1)}, 503, nil)
		require.NotEmpty(t, h.Get("Retry-After"))
		require.Equal(t, id, s.place("k1"), "a repeated request has its answer")
		s.status(id, "placed")
		s.expect("order.placed", "stock.reserve", "order.placed", "stock.reserve")
		s.place("k3")
	})
}

func TestNoPrices(t *testing.T) {
	s := open(t, sqlite)
	s.catalog.set("tea", 399, true)
	w := s.request("POST", "/orders", call{who: ann, key: "k", body: teas(1)})
	require.Equal(t, 503, w.Code)
	require.NotEmpty(t, w.Header().Get("Retry-After"))
	require.NotContains(t, w.Body.String(), "rpc", "what lies behind is nobody's business")
	s.expect()
}

func TestOthersOrders(t *testing.T) {
	s := open(t, sqlite)
	id := s.place("k")
	for _, call := range []struct{ method, path string }{
		{"GET", ""}, {"GET", "/events"}, {"POST", "/cancel"}, {"POST", "/refund"},
	} {
		path := "/orders/" + id + call.path
		s.doAs(auth.Customer{}, call.method, path, 401)
		s.doAs(bob, call.method, path, 404)
		s.doAs(ann, call.method, strings.Replace(path, id, "01930000-0000-7000-8000-000000000000", 1), 404)
		s.doAs(ann, call.method, strings.Replace(path, id, "x%00", 1), 404)
	}
	s.doAs(admin, "GET", "/orders/"+id, 200)
	s.doAs(admin, "GET", "/orders/"+id+"/events", 200)
	s.doAs(ann, "POST", "/orders/"+id+"/refund", 409)
	s.doAs(ann, "GET", "/sagas", 403)
	s.doAs(ann, "POST", "/sagas/"+id+"/resume", 403)
	s.doAs(admin, "POST", "/sagas/01930000-0000-7000-8000-000000000000/resume", 404)
	s.doAs(auth.Customer{}, "GET", "/sagas", 401)
	s.doAs(auth.Customer{}, "GET", "/orders", 401)
}

func (s *shop) doAs(who auth.Customer, method, path string, status int) {
	s.t.Helper()
	s.do(method, path, call{who: who}, status, nil)
}

func TestLists(t *testing.T) {
	each(t, func(t *testing.T, s *shop) {
		var ids []string
		for n := range 5 {
			ids = append(ids, s.place(fmt.Sprint(n)))
		}
		s.do("POST", "/orders", call{who: bob, key: "k", body: teas(1)}, 202, nil)
		var got []string
		pages := 0
		for after := ""; ; pages++ {
			var page struct {
				Orders []struct {
					ID    string
					Total struct{ Minor int64 }
				}
				Next string
			}
			s.do("GET", "/orders?limit=2&after="+after, call{who: ann}, 200, &page)
			for _, o := range page.Orders {
				got = append([]string{o.ID}, got...)
				require.Equal(t, total.Minor, o.Total.Minor)
			}
			if after = page.Next; after == "" {
				break
			}
		}
		require.Equal(t, ids, got, "the newest first, each once")
		require.Equal(t, 2, pages)
		for _, wrong := range []string{"limit=0", "limit=101", "limit=x", "after=%00"} {
			s.doAs(ann, "GET", "/orders?"+wrong, 400)
		}
		type sagas struct {
			Sagas []struct{ Key string }
			Next  string
		}
		var first, second sagas
		s.do("GET", "/sagas?limit=4", call{who: admin}, 200, &first)
		require.Len(t, first.Sagas, 4)
		s.do("GET", "/sagas?limit=4&after="+first.Next, call{who: admin}, 200, &second)
		require.Len(t, second.Sagas, 2)
		require.Empty(t, second.Next)
	})
}

// Whatever a body says: it is answered, and what is taken makes sense.
func FuzzPlace(f *testing.F) {
	for _, body := range []string{
		`{"items":[{"sku":"tea","quantity":1}]}`, `{"items":[{"sku":"tea","quantity":1}],"priority":true}`, `{"items":[]}`, `{`, ``,
		`null`, `[]`, `{"items":null}`, `{"items":[null]}`, `{"items":[{"sku":"te\u0000a","quantity":1}]}`,
		`{"items":[{"sku":"gin","quantity":9999999999999999999}]}`, `{"items":[{"sku":"tea","quantity":1e3}]}`,
	} {
		f.Add(body)
	}
	s := open(f, sqlite)
	number := 0
	f.Fuzz(func(t *testing.T, body string) {
		s.t = t
		number++
		w := s.request("POST", "/orders", call{who: ann, key: fmt.Sprint(number), body: body})
		switch w.Code {
		case http.StatusBadRequest, http.StatusUnprocessableEntity, http.StatusRequestEntityTooLarge:
			return
		}
		require.Equal(t, http.StatusAccepted, w.Code, "%s", w.Body)
		var answer struct{ ID string }
		require.NoError(t, json.Unmarshal(w.Body.Bytes(), &answer))
		var o struct{ Total struct{ Minor int64 } }
		s.do("GET", "/orders/"+answer.ID, call{who: ann}, 200, &o)
		require.Positive(t, o.Total.Minor)
	})
}
