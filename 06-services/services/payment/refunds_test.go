package payment_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"warren.example/06-services/auth"
	"warren.example/06-services/events"
	"warren.example/06-services/money"
)

func refund(id string, minor int64) events.PaymentRefund {
	return events.PaymentRefund{Order: "o", Refund: id, Amount: eur(minor)}
}

func refunded(id string, minor int64) events.PaymentRefunded {
	return events.PaymentRefunded{Order: "o", Refund: id, Amount: eur(minor)}
}

func failed(id, reason string) events.PaymentRefundFailed {
	return events.PaymentRefundFailed{Order: "o", Refund: id, Reason: reason}
}

func TestARefundIsPaidOnce(t *testing.T) {
	each(t, func(t *testing.T, b *bank) {
		b.ask(t, charge(1000))
		m := b.message(t, refund("r", 400), time.Time{})
		require.Equal(t, refunded("r", 400), b.askAs(t, m))
		require.Equal(t, refunded("r", 400), b.askAs(t, m))
		require.Equal(t, refunded("r", 400), b.ask(t, refund("r", 400)))
		require.Equal(t, eur(400), b.account(t, "o").Refunded)

		require.Equal(t, failed("s", "more_than_captured"), b.ask(t, refund("s", 601)))
		require.Equal(t, refunded("t", 600), b.ask(t, refund("t", 600)))
		require.Equal(t, eur(1000), b.account(t, "o").Refunded)
		require.Equal(t, captured(1000), b.ask(t, charge(1000)), "it was taken, whatever came back")
	})
}

func TestThereIsNothingToGiveBack(t *testing.T) {
	each(t, func(t *testing.T, b *bank) {
		require.Equal(t, failed("r", "not_captured"), b.ask(t, refund("r", 400)), "no payment")
		b.ask(t, charge(1000))
		dollars := events.PaymentRefund{Order: "o", Refund: "s", Amount: money.Of(1, "USD")}
		require.Equal(t, failed("s", "other_currency"), b.ask(t, dollars))
		require.Equal(t, refunded("r", 400), b.ask(t, refund("r", 400)), "asked again under the same id, now it can be")
	})
}

func TestARefundThatFailsAtFirst(t *testing.T) {
	each(t, func(t *testing.T, b *bank) {
		b.ask(t, charge(1066))
		first := b.message(t, refund("r", 1066), time.Time{})
		require.Equal(t, failed("r", "refused"), b.askAs(t, first))
		require.Equal(t, failed("r", "refused"), b.askAs(t, first), "the same message is only answered")
		require.Equal(t, failed("r", "refused"), b.ask(t, refund("r", 1066)))
		require.Equal(t, refunded("r", 1066), b.ask(t, refund("r", 1066)))
		require.Equal(t, refunded("r", 1066), b.askAs(t, first), "what holds now")
	})
	each(t, func(t *testing.T, b *bank) {
		b.ask(t, charge(1000))
		for range 4 {
			require.Equal(t, failed("r", "refused"), b.ask(t, refund("r", 67)))
		}
		require.Equal(t, refunded("s", 1000), b.ask(t, refund("s", 1000)), "what has failed holds no money back")
	})
}

func TestARefundAndACrash(t *testing.T) {
	for _, where := range []cut{before, after} {
		each(t, func(t *testing.T, b *bank) {
			b.ask(t, charge(1000))
			m := b.message(t, refund("r", 700), time.Time{})
			b.fail(t, m, "POST", where)
			require.Equal(t, failed("s", "more_than_captured"), b.ask(t, refund("s", 700)), "it may be paid")
			b.Service = b.start(t, patient)
			require.Equal(t, refunded("r", 700), b.askAs(t, m))
			require.Equal(t, eur(700), b.account(t, "o").Refunded)
		})
	}
}

func TestARefundKeepsItsOrderAndAmount(t *testing.T) {
	each(t, func(t *testing.T, b *bank) {
		b.ask(t, charge(1000))
		b.ask(t, refund("r", 400))
		require.ErrorIs(t, b.handle(b.message(t, refund("r", 500), time.Time{})), events.ErrMalformed)
		other := events.PaymentRefund{Order: "p", Refund: "r", Amount: eur(400)}
		require.ErrorIs(t, b.handle(b.message(t, other, time.Time{})), events.ErrMalformed)
		require.Equal(t, refunded("r", 400), b.ask(t, refund("r", 400)))
	})
}

// The provider here gives whatever it is asked for: it must not be asked for more than there is.
func TestManyRefundsAtOnceGiveBackNoMoreThanThereIs(t *testing.T) {
	each(t, func(t *testing.T, b *bank) {
		for round := range 5 {
			order := fmt.Sprint("o", round)
			b.ask(t, events.PaymentCharge{Order: order, Customer: "c", Amount: eur(1000)})
			b.play(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{"state":"refunded"}`)) })
			var wg sync.WaitGroup
			errs := make(chan error, 10)
			for i := range 10 { // each refund twice
				p := events.PaymentRefund{Order: order, Refund: fmt.Sprint(order, "r", i/2), Amount: eur(300)}
				m := b.message(t, p, time.Time{})
				wg.Go(func() { errs <- b.handle(m) })
			}
			wg.Wait()
			b.play(nil)
			paid := map[string]bool{}
			for range 10 {
				require.NoError(t, <-errs)
				if p, ok := payload(t, b.answer(t)).(events.PaymentRefunded); ok {
					paid[p.Refund] = true
				}
			}
			require.Len(t, paid, 3)
		}
	})
}

func TestAdministratorsSeePayments(t *testing.T) {
	each(t, func(t *testing.T, b *bank) {
		get := func(who auth.Customer, order string) *httptest.ResponseRecorder {
			r := httptest.NewRequest(http.MethodGet, "/payments/"+order, nil)
			token, err := auth.Signer{Key: b.key, Now: b.now}.Sign(who)
			require.NoError(t, err)
			r.Header.Set("Authorization", "Bearer "+token)
			w := httptest.NewRecorder()
			b.HTTP.ServeHTTP(w, r)
			return w
		}
		admin := auth.Customer{ID: "root", Admin: true}
		require.Equal(t, http.StatusNotFound, get(admin, "o").Code)
		b.ask(t, charge(1000))
		b.ask(t, refund("r", 67))
		b.ask(t, refund("s", 400))
		w := get(admin, "o")
		require.Equal(t, http.StatusOK, w.Code)
		require.JSONEq(t, `{"order":"o","state":"captured","amount":{"minor":1000,"currency":"EUR"},"refunds":[
			{"refund":"r","state":"failed","reason":"refused","amount":{"minor":67,"currency":"EUR"}},
			{"refund":"s","state":"refunded","amount":{"minor":400,"currency":"EUR"}}]}`, w.Body.String())
		require.Equal(t, http.StatusForbidden, get(auth.Customer{ID: "c"}, "o").Code)
		r := httptest.NewRequest(http.MethodGet, "/payments/o", nil)
		w = httptest.NewRecorder()
		b.HTTP.ServeHTTP(w, r)
		require.Equal(t, http.StatusUnauthorized, w.Code)
	})
}
