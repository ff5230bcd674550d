package provider_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"warren.example/06-services/money"
	"warren.example/06-services/services/payment/provider"
	"warren.example/06-services/store/storetest"
)

// A client asks a provider that runs on an address of its own.
type client struct{ url string }

func each(t *testing.T, test func(t *testing.T, c client)) {
	storetest.Each(t, func(t *testing.T, open storetest.Open) { test(t, start(t, open, time.Minute)) })
}

func start(t *testing.T, open storetest.Open, silence time.Duration) client {
	log := slog.New(slog.DiscardHandler)
	server := httptest.NewUnstartedServer(provider.New(open(t, *provider.Definition.Store), log, silence))
	server.Config.ErrorLog = slog.NewLogLogger(log.Handler(), slog.LevelDebug)
	server.Start()
	t.Cleanup(server.Close)
	return client{server.URL}
}

func (c client) do(ctx context.Context, method, path, key, body string) (status int, answer []byte, err error) {
	r, err := http.NewRequestWithContext(ctx, method, c.url+path, strings.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	if key != "" {
		r.Header.Set(provider.KeyHeader, key)
	}
	// A connection for each: on one that is kept, net/http may send a request with a key again by itself.
	response, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(r)
	if err != nil {
		return 0, nil, err
	}
	defer response.Body.Close()
	answer, err = io.ReadAll(response.Body)
	return response.StatusCode, answer, err
}

// charge asks for a charge, which must be answered.
func (c client) charge(t *testing.T, key string, minor int64) provider.Charge {
	return get[provider.Charge](t, c, http.MethodPost, "/charges", key, amount(minor))
}

func (c client) void(t *testing.T, key string) provider.Charge {
	return get[provider.Charge](t, c, http.MethodPost, "/charges/"+key+"/void", "", "")
}

func (c client) refund(t *testing.T, charge, key string, minor int64) provider.Refund {
	return get[provider.Refund](t, c, http.MethodPost, "/charges/"+charge+"/refunds", key, amount(minor))
}

func get[T any](t *testing.T, c client, method, path, key, body string) (v T) {
	status, answer, err := c.do(t.Context(), method, path, key, body)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, status, string(answer))
	require.NoError(t, json.Unmarshal(answer, &v))
	return v
}

func (c client) status(t *testing.T, method, path, key, body string) int {
	status, _, err := c.do(t.Context(), method, path, key, body)
	require.NoError(t, err)
	return status
}

func amount(minor int64) string {
	return fmt.Sprintf(`{"amount":{"minor":%d,"currency":"EUR"}}`, minor)
}

func TestTheAmountDecides(t *testing.T) {
	each(t, func(t *testing.T, c client) {
		require.Equal(t, provider.Captured, c.charge(t, "a", 1999+1).State)
		require.Equal(t, provider.Declined, c.charge(t, "b", 2913).State)

		_, _, err := c.do(t.Context(), http.MethodPost, "/charges", "c", amount(2999))
		require.Error(t, err, "the answer is lost")
		lookup := get[provider.Charge](t, c, http.MethodGet, "/charges/c", "", "")
		require.Equal(t, provider.Charge{Key: "c", State: provider.Captured, Amount: money.Of(2999, "EUR"),
			Refunded: money.Of(0, "EUR")}, lookup)
		require.Equal(t, lookup, c.charge(t, "c", 2999), "asked again, it is given")
	})
}

func TestAChargeThatIsNeverAnswered(t *testing.T) {
	each(t, func(t *testing.T, c client) {
		ctx, leave := context.WithCancel(t.Context())
		gone := make(chan error, 1)
		go func() {
			_, _, err := c.do(ctx, http.MethodPost, "/charges", "a", amount(2977))
			gone <- err
		}()
		require.Equal(t, provider.Voided, c.void(t, "a").State)
		leave()
		require.ErrorIs(t, <-gone, context.Canceled)
		require.Equal(t, provider.Voided, get[provider.Charge](t, c, http.MethodGet, "/charges/a", "", "").State)
		require.Equal(t, provider.Voided, c.charge(t, "a", 2977).State, "what is known is answered")
	})
	storetest.Each(t, func(t *testing.T, open storetest.Open) {
		c := start(t, open, time.Millisecond)
		_, _, err := c.do(t.Context(), http.MethodPost, "/charges", "a", amount(2977))
		require.Error(t, err, "it is not held for ever")
		require.Equal(t, http.StatusNotFound, c.status(t, http.MethodGet, "/charges/a", "", ""))
	})
}

func TestTheFirstWordCounts(t *testing.T) {
	each(t, func(t *testing.T, c client) {
		require.Equal(t, provider.Voided, c.void(t, "a").State)
		require.Equal(t, provider.Voided, c.charge(t, "a", 1000).State, "a void before the charge")
		require.Equal(t, provider.Voided, c.void(t, "a").State)

		first := c.charge(t, "b", 1000)
		require.Equal(t, first, c.void(t, "b"), "too late")
		require.Equal(t, first, c.charge(t, "b", 1000))
		require.Equal(t, http.StatusUnprocessableEntity, c.status(t, http.MethodPost, "/charges", "b", amount(2000)))

		require.Equal(t, provider.Declined, c.charge(t, "c", 1013).State)
		require.Equal(t, provider.Declined, c.void(t, "c").State)
	})
}

func TestAVoidAndAChargeAtOnce(t *testing.T) {
	each(t, func(t *testing.T, c client) {
		for i := range 10 {
			key := fmt.Sprint("a", i)
			var wg sync.WaitGroup
			told := make(chan string, 2)
			for _, path := range []string{"/charges", "/charges/" + key + "/void"} {
				wg.Go(func() {
					_, answer, err := c.do(context.Background(), http.MethodPost, path, key, amount(1000))
					if err != nil {
						answer = []byte(err.Error())
					}
					told <- string(answer)
				})
			}
			wg.Wait()
			require.JSONEq(t, <-told, <-told)
		}
	})
}

func TestRefunds(t *testing.T) {
	each(t, func(t *testing.T, c client) {
		require.Equal(t, http.StatusConflict, c.status(t, http.MethodPost, "/charges/a/refunds", "r", amount(10)), "no charge")
		c.charge(t, "a", 1000)
		c.charge(t, "b", 1000)
		require.Equal(t, provider.Refunded, c.refund(t, "a", "r", 300).State)
		require.Equal(t, provider.Refunded, c.refund(t, "a", "r", 300).State, "once")
		require.Equal(t, http.StatusConflict, c.status(t, http.MethodPost, "/charges/a/refunds", "s", amount(701)))
		require.Equal(t, http.StatusUnprocessableEntity, c.status(t, http.MethodPost, "/charges/a/refunds", "r", amount(301)))
		require.Equal(t, http.StatusUnprocessableEntity, c.status(t, http.MethodPost, "/charges/b/refunds", "r", amount(300)))

		for _, want := range []provider.State{provider.Failed, provider.Failed, provider.Refunded, provider.Refunded} {
			require.Equal(t, want, c.refund(t, "a", "t", 66).State)
		}
		for range 4 {
			require.Equal(t, provider.Failed, c.refund(t, "a", "u", 67).State)
		}
		for range 2 {
			require.Equal(t, provider.Refunded, c.refund(t, "a", "v", 634).State, "all that is left, once")
		}
		require.Equal(t, money.Of(1000, "EUR"), get[provider.Charge](t, c, http.MethodGet, "/charges/a", "", "").Refunded)
	})
}

func TestManyRefundsAtOnce(t *testing.T) {
	each(t, func(t *testing.T, c client) {
		for round := range 5 {
			key := fmt.Sprint("a", round)
			c.charge(t, key, 1000)
			var wg sync.WaitGroup
			for i := range 8 {
				wg.Go(func() {
					_, _, _ = c.do(context.Background(), http.MethodPost, "/charges/"+key+"/refunds", fmt.Sprint(key, i), amount(300))
				})
			}
			wg.Wait()
			require.Equal(t, money.Of(900, "EUR"), get[provider.Charge](t, c, http.MethodGet, "/charges/"+key, "", "").Refunded)
		}
	})
}

func TestTheAuditorSeesAllCharges(t *testing.T) {
	each(t, func(t *testing.T, c client) {
		type page struct {
			Charges []provider.Charge
			Next    string
		}
		require.Equal(t, page{Charges: []provider.Charge{}}, get[page](t, c, http.MethodGet, "/charges", "", ""))
		for _, key := range []string{"c", "a", "b"} {
			c.charge(t, key, 1000)
		}
		c.refund(t, "b", "r", 100)
		var keys []string
		for next, more := "", true; more; {
			p := get[page](t, c, http.MethodGet, "/charges?limit=2&after="+next, "", "")
			for _, charge := range p.Charges {
				keys = append(keys, charge.Key)
			}
			next, more = p.Next, p.Next != ""
		}
		require.Equal(t, []string{"a", "b", "c"}, keys)
		require.Equal(t, http.StatusBadRequest, c.status(t, http.MethodGet, "/charges?limit=0", "", ""))
		require.Equal(t, http.StatusBadRequest, c.status(t, http.MethodGet, "/charges?limit=x", "", ""))
	})
}

func TestItsMemorySurvivesARestart(t *testing.T) {
	storetest.Each(t, func(t *testing.T, open storetest.Open) {
		before := start(t, open, time.Minute).charge(t, "a", 1000)
		require.Equal(t, before, start(t, open, time.Minute).void(t, "a"))
	})
}

func TestBadRequests(t *testing.T) {
	each(t, func(t *testing.T, c client) {
		for body, want := range map[string]int{
			amount(-1): http.StatusUnprocessableEntity, `{}`: http.StatusUnprocessableEntity, `x`: http.StatusBadRequest,
			`{"amount":{"minor":1,"currency":"eur"}}`:     http.StatusUnprocessableEntity,
			`{"amount":{"minor":1.5,"currency":"EUR"}}`:   http.StatusBadRequest,
			`{"amount":{"minor":1,"currency":"EURO"}}`:    http.StatusUnprocessableEntity,
			strings.Repeat(" ", 65<<10) + amount(1):       http.StatusRequestEntityTooLarge,
			`{"amount":{"minor":1e400,"currency":"EUR"}}`: http.StatusBadRequest,
		} {
			require.Equal(t, want, c.status(t, http.MethodPost, "/charges", "k", body), "%.60s", body)
		}
		require.Equal(t, http.StatusBadRequest, c.status(t, http.MethodPost, "/charges", "", amount(1)), "no key")
		require.Equal(t, http.StatusBadRequest, c.status(t, http.MethodPost, "/charges", strings.Repeat("k", 201), amount(1)))
		require.Equal(t, http.StatusMethodNotAllowed, c.status(t, http.MethodDelete, "/charges/k", "", ""))
	})
}
