package catalog_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"warren.example/06-services/api/catalogpb"
	"warren.example/06-services/auth"
	"warren.example/06-services/config"
	"warren.example/06-services/events"
	"warren.example/06-services/events/eventstest"
	"warren.example/06-services/money"
	"warren.example/06-services/service/servicetest"
	"warren.example/06-services/services/catalog"
	"warren.example/06-services/store"
	"warren.example/06-services/store/storetest"
)

func settings() config.Config {
	c := config.Default()
	c.Samples = false
	return c
}

func each(t *testing.T, test func(t *testing.T, s *servicetest.Stage)) {
	storetest.Each(t, func(t *testing.T, open storetest.Open) {
		test(t, servicetest.New(t, catalog.Definition, open, settings()))
	})
}

// sqlite is a storetest.Open.
func sqlite(t testing.TB, sets ...store.Migrations) *store.DB {
	db, err := store.Open(t.Context(), storetest.SQLite(t), nil, sets...)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	return db
}

func body(title, category string, minor int64) string {
	return fmt.Sprintf(`{"title":%q,"category":%q,"price":{"minor":%d,"currency":"EUR"}}`, title, category, minor)
}

func admin(t testing.TB, s *servicetest.Stage) string {
	return s.Token(t, auth.Customer{ID: "root", Admin: true})
}

func put(t testing.TB, s *servicetest.Stage, sku string, minor int64) {
	t.Helper()
	require.Less(t, s.Ask(t, "PUT", "/products/"+sku, admin(t, s), body("Assam", "tea", minor), nil), 300)
}

func changed(t testing.TB, m events.Message) events.ProductPriceChanged {
	t.Helper()
	p, err := events.Decode[events.ProductPriceChanged](m)
	require.NoError(t, err)
	require.Equal(t, p.SKU, m.Correlation)
	return p
}

func TestAProductsLife(t *testing.T) {
	each(t, func(t *testing.T, s *servicetest.Stage) {
		token := admin(t, s)
		var p catalog.Product
		want := catalog.Product{SKU: "assam", Title: "Assam", Category: "tea", Price: money.Of(990, "EUR")}
		require.Equal(t, 404, s.Ask(t, "GET", "/products/assam", "", "", nil))
		require.Equal(t, 404, s.Ask(t, "DELETE", "/products/assam", token, "", nil))
		require.Equal(t, 201, s.Ask(t, "PUT", "/products/assam", token, body("Assam", "tea", 990), &p))
		require.Equal(t, want, p)
		require.Equal(t, 200, s.Ask(t, "GET", "/products/assam", "", "", &p))
		require.Equal(t, want, p)

		require.Equal(t, 200, s.Ask(t, "PUT", "/products/assam", token, body("Assam, strong", "tea", 0), &p))
		want.Title, want.Price = "Assam, strong", money.Of(0, "EUR")
		require.Equal(t, want, p)
		require.Equal(t, 204, s.Ask(t, "DELETE", "/products/assam", token, "", nil))
		require.Equal(t, 404, s.Ask(t, "DELETE", "/products/assam", token, "", nil))
		require.Equal(t, 404, s.Ask(t, "GET", "/products/assam", "", "", nil))
		require.Equal(t, 200, s.Ask(t, "PUT", "/products/assam", token, body("Assam", "tea", 990), &p), "sold again")
		require.Equal(t, 200, s.Ask(t, "GET", "/products/assam", "", "", nil))
		for _, method := range []string{"GET", "DELETE"} {
			require.Equal(t, 404, s.Ask(t, method, "/products/a%00b", token, "", nil), "no text for PostgreSQL")
		}

		var told []events.ProductPriceChanged
		for i, m := range s.Sent(t) {
			require.Equal(t, int64(i+1), m.Version, "also across a deletion")
			told = append(told, changed(t, m))
		}
		require.Equal(t, []events.ProductPriceChanged{
			{SKU: "assam", Price: money.Of(990, "EUR")},
			{SKU: "assam", Price: money.Of(0, "EUR")},
			{SKU: "assam", Price: money.Of(0, "EUR"), Deleted: true},
			{SKU: "assam", Price: money.Of(990, "EUR")},
		}, told)
	})
}

func TestManyChangeOneProduct(t *testing.T) {
	each(t, func(t *testing.T, s *servicetest.Stage) {
		var all sync.WaitGroup
		for i := range 10 {
			all.Go(func() { put(t, s, "assam", int64(i)) })
		}
		all.Wait()
		versions := make(map[int64]int64)
		for _, m := range s.Sent(t) {
			versions[m.Version] = changed(t, m).Price.Minor
		}
		require.Len(t, versions, 10, "each change has a version of its own")
		var p catalog.Product
		require.Equal(t, 200, s.Ask(t, "GET", "/products/assam", "", "", &p))
		require.Equal(t, versions[10], p.Price.Minor)
	})
}

func TestChangesAreRefused(t *testing.T) {
	each(t, func(t *testing.T, s *servicetest.Stage) {
		token, good := admin(t, s), body("Assam", "tea", 990)
		for name, test := range map[string]struct {
			path, token, body string
			status            int
		}{
			"nobody":              {"/products/assam", "", good, 401},
			"a customer":          {"/products/assam", s.Token(t, auth.Customer{ID: "ada"}), good, 403},
			"a strange sku":       {"/products/a%00b", token, good, 422},
			"a sku with newline":  {"/products/a%0A", token, good, 422},
			"a long sku":          {"/products/" + strings.Repeat("a", 65), token, good, 422},
			"no price":            {"/products/assam", token, `{"title":"Assam","category":"tea"}`, 422},
			"no amount":           {"/products/assam", token, `{"title":"Assam","category":"tea","price":{"currency":"EUR"}}`, 422},
			"no currency":         {"/products/assam", token, `{"title":"Assam","category":"tea","price":{"minor":1}}`, 422},
			"a currency of ours":  {"/products/assam", token, strings.Replace(good, "EUR", "TEA", 1), 422},
			"less than nothing":   {"/products/assam", token, body("Assam", "tea", -1), 422},
			"more than a million": {"/products/assam", token, body("Assam", "tea", 100_000_001), 422},
			"parts of cents":      {"/products/assam", token, strings.Replace(good, "990", "9.9", 1), 400},
			"no title":            {"/products/assam", token, body("", "tea", 990), 422},
			"a strange category":  {"/products/assam", token, body("Assam", "black tea", 990), 422},
			"no JSON":             {"/products/assam", token, "price=990", 400},
		} {
			require.Equal(t, test.status, s.Ask(t, "PUT", test.path, test.token, test.body, nil), name)
		}
		require.Equal(t, 403, s.Ask(t, "DELETE", "/products/assam", s.Token(t, auth.Customer{ID: "ada"}), "", nil))
		require.Equal(t, 405, s.Ask(t, "POST", "/products/assam", token, good, nil))
		require.Empty(t, s.Sent(t))
	})
}

type page struct {
	Products []catalog.Product
	Next     string
}

func TestList(t *testing.T) {
	each(t, func(t *testing.T, s *servicetest.Stage) {
		for i := range 25 {
			put(t, s, fmt.Sprintf("tea-%02d", i), int64(i))
		}
		require.Equal(t, 201, s.Ask(t, "PUT", "/products/cup", admin(t, s), body("Cup", "cups", 1), nil))
		require.Equal(t, 204, s.Ask(t, "DELETE", "/products/tea-07", admin(t, s), "", nil))

		var skus []string
		for after, pages := "", 1; ; pages++ {
			var p page
			require.Equal(t, 200, s.Ask(t, "GET", "/products?category=tea&limit=10&after="+after, "", "", &p))
			for _, product := range p.Products {
				skus = append(skus, product.SKU)
			}
			if after = p.Next; after == "" {
				require.Equal(t, 3, pages)
				break
			}
			require.Len(t, p.Products, 10)
			if pages == 1 { // what comes and goes on pages that were read shifts nothing
				put(t, s, "tea-00-new", 1)
				require.Equal(t, 204, s.Ask(t, "DELETE", "/products/tea-01", admin(t, s), "", nil))
			}
		}
		require.Len(t, skus, 24)
		require.IsIncreasing(t, skus)
		require.NotContains(t, skus, "tea-07")
		require.NotContains(t, skus, "tea-00-new")

		var p page
		require.Equal(t, 200, s.Ask(t, "GET", "/products", "", "", &p))
		require.Len(t, p.Products, 20)
		require.Equal(t, 200, s.Ask(t, "GET", "/products?limit=24&category=tea", "", "", &p))
		require.Len(t, p.Products, 24)
		p = page{}
		require.Equal(t, 200, s.Ask(t, "GET", "/products?limit=24&category=tea", "", "", &p))
		require.Empty(t, p.Next, "there are 24: this is the last page")
		for _, query := range []string{"limit=0", "limit=101", "limit=x", "after=%00", "after=%27", "category=%ff", "category=a+b"} {
			require.Equal(t, 400, s.Ask(t, "GET", "/products?"+query, "", "", nil), query)
		}
		var raw map[string]any
		require.Equal(t, 200, s.Ask(t, "GET", "/products?category=none", "", "", &raw))
		require.Equal(t, map[string]any{"products": []any{}}, raw)
	})
}

func TestGetCanBeKept(t *testing.T) {
	s := servicetest.New(t, catalog.Definition, sqlite, settings())
	put(t, s, "assam", 990)
	get := func(etag string) *httptest.ResponseRecorder {
		r := httptest.NewRequestWithContext(t.Context(), "GET", "/products/assam", nil)
		r.Header.Set("If-None-Match", etag)
		w := httptest.NewRecorder()
		s.HTTP.ServeHTTP(w, r)
		return w
	}
	first := get("")
	require.Equal(t, 200, first.Code)
	require.Equal(t, "application/json", first.Header().Get("Content-Type"))
	require.JSONEq(t, `{"sku":"assam","title":"Assam","category":"tea","price":{"minor":990,"currency":"EUR"},"in_stock":false}`,
		first.Body.String())
	etag := first.Header().Get("ETag")
	require.NotEmpty(t, etag)
	require.Equal(t, 304, get(etag).Code)

	s.Hear(t, s.Say(t, events.StockLevel{SKU: "assam", Available: 3}, events.About{Version: 1}))
	second := get(etag)
	require.Equal(t, 200, second.Code, "stock has changed")
	put(t, s, "assam", 1090)
	require.Equal(t, 200, get(second.Header().Get("ETag")).Code, "the price has changed")
}

func TestStockIsTheNewest(t *testing.T) {
	each(t, func(t *testing.T, s *servicetest.Stage) {
		level := func(available int, version int64) events.Message {
			return s.Say(t, events.StockLevel{SKU: "assam", Available: available}, events.About{Correlation: "assam", Version: version})
		}
		inStock := func() bool {
			var p catalog.Product
			require.Equal(t, 200, s.Ask(t, "GET", "/products/assam", "", "", &p))
			return p.InStock
		}
		s.Hear(t, level(5, 3)) // before the catalog knows the product
		put(t, s, "assam", 990)
		require.True(t, inStock())
		s.Hear(t, level(0, 2))
		require.True(t, inStock(), "an older level comes late")
		s.Hear(t, level(0, 3))
		require.True(t, inStock(), "the same version changes nothing")
		s.Hear(t, level(0, 7))
		require.False(t, inStock())
		s.Hear(t, level(1, 8))
		require.True(t, inStock())
	})
}

func TestContract(t *testing.T) {
	s := servicetest.New(t, catalog.Definition, sqlite, settings())
	eventstest.Receives(t, s.Events, catalog.Definition.Hears...)
}

func TestSamplesAreInsertedOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, open storetest.Open) {
		c := settings()
		c.Samples = true
		s := servicetest.New(t, catalog.Definition, open, c)
		require.Len(t, s.Sent(t), len(catalog.Samples))
		var p page
		require.Equal(t, 200, s.Ask(t, "GET", "/products?limit=100", "", "", &p))
		require.ElementsMatch(t, skus(catalog.Samples), skus(p.Products))

		require.Equal(t, 204, s.Ask(t, "DELETE", "/products/tea-assam", admin(t, s), "", nil))
		put(t, s, "tea-sencha", 1)
		require.Len(t, s.Sent(t), 2)
		s = servicetest.New(t, catalog.Definition, open, c)
		require.Empty(t, s.Sent(t))
		require.Equal(t, 404, s.Ask(t, "GET", "/products/tea-assam", "", "", nil))
		var sencha catalog.Product
		require.Equal(t, 200, s.Ask(t, "GET", "/products/tea-sencha", "", "", &sencha))
		require.Equal(t, int64(1), sencha.Price.Minor)
	})
	endings := make(map[int64]int)
	for _, p := range catalog.Samples {
		endings[p.Price.Minor%100]++
		require.Positive(t, p.Price.Minor)
	}
	for _, ending := range []int64{13, 77, 99} { // see the simulated provider
		require.Equal(t, 1, endings[ending])
	}
}

func skus(products []catalog.Product) (all []string) {
	for _, p := range products {
		all = append(all, p.SKU)
	}
	return all
}

func FuzzPut(f *testing.F) {
	s := servicetest.New(f, catalog.Definition, sqlite, settings())
	token := admin(f, s)
	f.Add(body("Assam", "tea", 990))
	f.Add(`{"title":"\u0000","category":"tea","price":{"minor":1e3,"currency":"EUR"}}`)
	f.Fuzz(func(t *testing.T, text string) {
		var p catalog.Product
		switch status := s.Ask(t, http.MethodPut, "/products/assam", token, text, &p); status {
		case http.StatusOK, http.StatusCreated:
			require.GreaterOrEqual(t, p.Price.Minor, int64(0))
			require.Len(t, p.Price.Currency, 3)
		case http.StatusBadRequest, http.StatusUnprocessableEntity, http.StatusRequestEntityTooLarge:
		default:
			require.Fail(t, "unexpected status", "%d for %q", status, text)
		}
	})
}

// ask returns prices by SKU, as JSON shows them.
func ask(t testing.TB, c catalogpb.CatalogClient, skus ...string) string {
	t.Helper()
	answer, err := c.GetProducts(t.Context(), &catalogpb.GetProductsRequest{Skus: skus})
	require.NoError(t, err)
	prices := make(map[string]string)
	for _, p := range answer.GetProducts() {
		prices[p.GetSku()] = money.Of(p.GetPrice().GetMinor(), p.GetPrice().GetCurrency()).String()
	}
	require.Len(t, prices, len(answer.GetProducts()), "none comes twice")
	text, err := json.Marshal(prices)
	require.NoError(t, err)
	return string(text)
}

func TestPrices(t *testing.T) {
	storetest.Each(t, func(t *testing.T, open storetest.Open) {
		url := address(t)
		for name, redis := range map[string]string{"cached in the process": "", "cached in Redis": url} {
			t.Run(name, func(t *testing.T) {
				c := settings()
				c.RedisURL = redis
				s := servicetest.New(t, catalog.Definition, open, c)
				t.Cleanup(func() { require.NoError(t, s.Close()) })
				other := servicetest.New(t, catalog.Definition, open, c) // another instance
				t.Cleanup(func() { require.NoError(t, other.Close()) })
				here, there := catalogpb.NewCatalogClient(s.Dial(t)), catalogpb.NewCatalogClient(other.Dial(t))

				put(t, s, "assam", 990)
				put(t, s, "cup", 1250)
				s.Sent(t)
				require.Equal(t, `{"assam":"9.90 EUR","cup":"12.50 EUR"}`, ask(t, here, "assam", "cup", "assam", "none", "\x00"))
				require.Equal(t, `{"assam":"9.90 EUR"}`, ask(t, there, "assam"))

				put(t, s, "assam", 1090)
				require.Equal(t, `{"assam":"10.90 EUR","cup":"12.50 EUR"}`, ask(t, here, "cup", "assam"), "who changes it sees it")
				for _, m := range other.Sent(t) { // either relay may have been faster
					require.NoError(t, other.Broadcast[m.Type](t.Context(), m))
				}
				for _, m := range s.Sent(t) {
					require.NoError(t, other.Broadcast[m.Type](t.Context(), m))
				}
				require.Equal(t, `{"assam":"10.90 EUR"}`, ask(t, there, "assam"), "the others are told")

				require.Equal(t, 204, s.Ask(t, "DELETE", "/products/assam", admin(t, s), "", nil))
				other.Missed() // the connection was lost, and with it the message
				require.Equal(t, `{"cup":"12.50 EUR"}`, ask(t, there, "assam", "cup"))
				require.Equal(t, `{}`, ask(t, here))

				_, err := here.GetProducts(t.Context(), &catalogpb.GetProductsRequest{Skus: make([]string, 101)})
				require.Equal(t, codes.InvalidArgument, status.Code(err))
				require.Error(t, s.Broadcast["product.price-changed"](t.Context(), events.Message{Type: "product.price-changed"}))
			})
		}
	})
}

func TestPricesAreCached(t *testing.T) {
	s := servicetest.New(t, catalog.Definition, sqlite, settings())
	c := catalogpb.NewCatalogClient(s.Dial(t))
	put(t, s, "assam", 990)
	require.Equal(t, `{"assam":"9.90 EUR"}`, ask(t, c, "assam"))
	_, err := s.DB.Exec("UPDATE products SET minor = 1") // behind the service's back
	require.NoError(t, err)
	require.Equal(t, `{"assam":"9.90 EUR"}`, ask(t, c, "assam"))
	s.Pass(61_000_000_000)
	require.Equal(t, `{"assam":"0.01 EUR"}`, ask(t, c, "assam"), "after a minute in any case")

	require.NoError(t, s.DB.Close())
	require.Equal(t, `{"assam":"0.01 EUR"}`, ask(t, c, "assam"))
	_, err = c.GetProducts(t.Context(), &catalogpb.GetProductsRequest{Skus: []string{"cup"}})
	require.Equal(t, codes.Internal, status.Code(err))
	require.NotContains(t, err.Error(), "sql")
}

func TestPricesDoWithoutRedis(t *testing.T) {
	c := settings()
	c.RedisURL = "unix:///nowhere/redis.sock"
	s := servicetest.New(t, catalog.Definition, sqlite, c)
	put(t, s, "assam", 990)
	require.Equal(t, `{"assam":"9.90 EUR"}`, ask(t, catalogpb.NewCatalogClient(s.Dial(t)), "assam"))
	s.Missed()
}
