package payment_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"warren.example/06-services/events"
	"warren.example/06-services/money"
	"warren.example/06-services/services/payment"
	"warren.example/06-services/services/payment/provider"
)

func eur(minor int64) money.Money { return money.Of(minor, "EUR") }

func charge(minor int64) events.PaymentCharge {
	return events.PaymentCharge{Order: "o", Customer: "c", Amount: eur(minor)}
}

var (
	void     = events.PaymentVoid{Order: "o"}
	voided   = events.PaymentVoided{Order: "o"}
	declined = events.PaymentDeclined{Order: "o", Reason: "declined"}
)

func captured(minor int64) events.PaymentCaptured {
	return events.PaymentCaptured{Order: "o", Amount: eur(minor)}
}

func TestAChargeIsTakenOnceAndAnsweredAlways(t *testing.T) {
	each(t, func(t *testing.T, b *bank) {
		m := b.message(t, charge(1000), time.Time{})
		require.Equal(t, captured(1000), b.askAs(t, m))
		require.Equal(t, provider.Captured, b.account(t, "o").State)
		asked := b.calls.Load()

		require.Equal(t, captured(1000), b.askAs(t, m), "the same message")
		require.Equal(t, captured(1000), b.ask(t, charge(1000)), "a new message")
		require.Equal(t, captured(1000), b.ask(t, charge(5000)), "there is one payment per order")
		require.Equal(t, captured(1000), b.ask(t, void), "too late")
		require.Equal(t, asked, b.calls.Load(), "nobody is asked what is known")
	})
}

func TestADeclinedCharge(t *testing.T) {
	each(t, func(t *testing.T, b *bank) {
		m := b.message(t, charge(1013), time.Time{})
		require.Equal(t, declined, b.askAs(t, m))
		require.Equal(t, declined, b.askAs(t, m))
		require.Equal(t, voided, b.ask(t, void), "no money is taken, and none will be")
		require.Equal(t, declined, b.ask(t, charge(1013)))
	})
}

func TestAVoidThatOvertakesItsCharge(t *testing.T) {
	each(t, func(t *testing.T, b *bank) {
		m := b.message(t, void, time.Time{})
		require.Equal(t, voided, b.askAs(t, m))
		require.Equal(t, voided, b.ask(t, charge(1000)))
		require.Equal(t, voided, b.askAs(t, m))
		require.Zero(t, b.calls.Load(), "the provider never hears of it")
		require.Equal(t, payment.Voided, b.state(t, "o"))
	})
}

func TestNotAfter(t *testing.T) {
	each(t, func(t *testing.T, b *bank) {
		late := b.now().Add(-time.Millisecond)
		require.Equal(t, captured(1000), b.askAs(t, b.message(t, charge(1000), b.now())))
		require.Equal(t, captured(1000), b.askAs(t, b.message(t, charge(1000), late)), "it was taken in time")

		other := events.PaymentCharge{Order: "p", Customer: "c", Amount: eur(1000)}
		want := events.PaymentDeclined{Order: "p", Reason: "too_late"}
		m := b.message(t, other, late)
		require.Equal(t, want, b.askAs(t, m))
		require.Equal(t, want, b.askAs(t, m))
		require.Equal(t, want, b.ask(t, other), "it stays with that")
		require.Empty(t, b.account(t, "p"))
	})
}

// The charge is never answered: its handler fails until somebody voids it.
func TestAChargeThatIsNeverAnswered(t *testing.T) {
	each(t, func(t *testing.T, b *bank) {
		b.Service = b.start(t, hasty)
		m := b.message(t, charge(1077), time.Time{})
		require.ErrorIs(t, b.handle(m), context.DeadlineExceeded)
		require.Equal(t, payment.Asked, b.state(t, "o"))
		require.ErrorIs(t, b.handle(m), context.DeadlineExceeded)
		b.Service = b.start(t, patient)
		require.Equal(t, voided, b.ask(t, void))
		require.Equal(t, voided, b.askAs(t, m), "the bus tries it once more")
		require.Equal(t, provider.Voided, b.account(t, "o").State)
	})
}

func TestAChargeWhoseAnswerIsLost(t *testing.T) {
	each(t, func(t *testing.T, b *bank) {
		m := b.message(t, charge(1099), time.Time{})
		require.Error(t, b.handle(m))
		require.Equal(t, payment.Asked, b.state(t, "o"))
		require.Equal(t, captured(1099), b.askAs(t, m), "the bus tries it once more")
	})
	each(t, func(t *testing.T, b *bank) {
		require.Error(t, b.handle(b.message(t, charge(1099), time.Time{})))
		require.Equal(t, captured(1099), b.ask(t, void), "it is too late for a void")
	})
}

// Wherever the program dies or the wire breaks, asking again finds out, and the money is taken once.
func TestACrashBetweenTheSteps(t *testing.T) {
	for name, die := range map[string]func(t *testing.T, b *bank, m events.Message){
		"before the provider": func(t *testing.T, b *bank, m events.Message) { b.fail(t, m, "POST", before) },
		"after the provider":  func(t *testing.T, b *bank, m events.Message) { b.fail(t, m, "POST", after) },
		"before tx2": func(t *testing.T, b *bank, m events.Message) {
			effect, err := b.Commands[m.Type].Handle(t.Context(), m)
			require.NoError(t, err)
			require.NotNil(t, effect) // and is never run
		},
		"after the provider, and the lookup fails, too": func(t *testing.T, b *bank, m events.Message) {
			b.fail(t, m, "POST", after)
			b.fail(t, m, "GET", after)
		},
	} {
		t.Run(name, func(t *testing.T) {
			each(t, func(t *testing.T, b *bank) {
				m := b.message(t, charge(1000), b.now())
				die(t, b, m)
				require.Equal(t, payment.Asked, b.state(t, "o"))
				b.clock.Add(1000) // too late for a new charge: not for one that may be taken
				b.Service = b.start(t, patient)
				require.Equal(t, captured(1000), b.askAs(t, m))
				require.Equal(t, provider.Captured, b.account(t, "o").State)
			})
		})
	}
}

// fail handles a message while calls with a method fail.
func (b *bank) fail(t *testing.T, m events.Message, method string, where cut) {
	f := func(r *http.Request) cut {
		if r.Method == method {
			return where
		}
		return nowhere
	}
	b.cut.Store(&f)
	require.ErrorIs(t, b.handle(m), errCut)
	b.cut.Store(nil)
}

func TestAVoidWhoseAnswerIsLost(t *testing.T) {
	each(t, func(t *testing.T, b *bank) {
		b.fail(t, b.message(t, charge(1000), time.Time{}), "POST", before)
		m := b.message(t, void, time.Time{})
		b.fail(t, m, "POST", after)
		require.Equal(t, voided, b.ask(t, charge(1000)), "the provider says so")
		require.Equal(t, voided, b.askAs(t, m))
	})
}

// A void and a charge at the same time: one of them wins, and both are told the same.
func TestAVoidRacesACharge(t *testing.T) {
	each(t, func(t *testing.T, b *bank) {
		for i := range 20 {
			order := fmt.Sprint("o", i)
			minor := []int64{1000, 1099, 1077, 1013}[i%4]
			commands := []events.Message{
				b.message(t, events.PaymentCharge{Order: order, Customer: "c", Amount: eur(minor)}, time.Time{}),
				b.message(t, events.PaymentVoid{Order: order}, time.Time{}),
			}
			ctx, stop := context.WithCancel(t.Context())
			charged := make(chan error, 1)
			go func() { charged <- b.handleUntil(ctx, commands[0]) }()
			require.NoError(t, b.handle(commands[1]))
			if minor == 1077 {
				stop() // nobody would ever hear of it
			}
			if err := <-charged; err != nil {
				require.NoError(t, b.handle(commands[0]), "the bus tries again after %v", err)
			}
			stop()
			answers := map[string]string{}
			for answers[commands[0].ID] == "" || answers[commands[1].ID] == "" { // what failed at its commit may be answered twice
				m := b.answer(t)
				answers[m.Cause] = m.Type
			}
			toCharge, toVoid := answers[commands[0].ID], answers[commands[1].ID]
			state, account := b.state(t, order), b.account(t, order)
			switch state {
			case payment.Captured:
				require.Equal(t, []string{"payment.captured", "payment.captured"}, []string{toCharge, toVoid})
				require.Equal(t, provider.Captured, account.State)
			case payment.Declined:
				require.Equal(t, []string{"payment.declined", "payment.voided"}, []string{toCharge, toVoid})
				require.Equal(t, provider.Declined, account.State)
			default:
				require.Equal(t, payment.Voided, state)
				require.Equal(t, []string{"payment.voided", "payment.voided"}, []string{toCharge, toVoid})
				require.NotEqual(t, provider.Captured, account.State)
			}
		}
	})
}

// Ten programs have the same order, by different messages: the money is taken once, and each is answered.
func TestOneOrderManyTimesAtOnce(t *testing.T) {
	each(t, func(t *testing.T, b *bank) {
		var wg sync.WaitGroup
		errs := make(chan error, 10)
		for range 10 {
			m := b.message(t, charge(1000), time.Time{})
			wg.Go(func() { errs <- b.handle(m) })
		}
		wg.Wait()
		for range 10 {
			require.NoError(t, <-errs)
			require.Equal(t, captured(1000), payload(t, b.answer(t)))
		}
	})
}

// When most calls fail, the provider is left alone for a while; that is an error as any other. A void goes another way.
func TestTheBreakerOpens(t *testing.T) {
	each(t, func(t *testing.T, b *bank) {
		f := func(*http.Request) cut { return before }
		b.cut.Store(&f)
		for i := range 30 {
			p := events.PaymentCharge{Order: fmt.Sprint("o", i), Customer: "c", Amount: eur(1000)}
			require.Error(t, b.handle(b.message(t, p, time.Time{})))
		}
		require.Equal(t, int64(20), b.calls.Load())
		b.cut.Store(nil)
		require.Equal(t, events.PaymentVoided{Order: "o0"}, b.ask(t, events.PaymentVoid{Order: "o0"}))
		require.Equal(t, provider.Voided, b.account(t, "o0").State)
	})
}

func TestAProviderThatTalksRubbishIsNotBelieved(t *testing.T) {
	each(t, func(t *testing.T, b *bank) {
		for _, rubbish := range []struct {
			status int
			body   string
		}{{200, `{"state":"asked"}`}, {200, `<html>`}, {200, `{}`}, {418, `{"state":"captured"}`}, {500, `{"state":"captured"}`}} {
			b.play(func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(rubbish.status)
				_, _ = w.Write([]byte(rubbish.body))
			})
			require.Error(t, b.handle(b.message(t, charge(1000), time.Time{})), rubbish)
			require.Error(t, b.handle(b.message(t, void, time.Time{})), rubbish)
		}
		require.Equal(t, payment.Asked, b.state(t, "o"))
	})
}

func TestWhatCanNotBeIsNotDone(t *testing.T) {
	each(t, func(t *testing.T, b *bank) {
		for name, p := range map[string]events.Payload{
			"no order":     events.PaymentCharge{Customer: "c", Amount: eur(1)},
			"less":         events.PaymentCharge{Order: "o", Customer: "c", Amount: eur(-1)},
			"no currency":  events.PaymentCharge{Order: "o", Customer: "c", Amount: money.Of(1, "")},
			"bad currency": events.PaymentCharge{Order: "o", Customer: "c", Amount: money.Of(1, "eur")},
			"path":         events.PaymentCharge{Order: "a/b", Customer: "c", Amount: eur(1)},
			"other path":   events.PaymentVoid{Order: ".."},
			"long":         events.PaymentVoid{Order: strings.Repeat("o", 201)},
			"line":         events.PaymentVoid{Order: "a\n"},
			"no refund":    events.PaymentRefund{Order: "o", Amount: eur(1)},
		} {
			require.ErrorIs(t, b.handle(b.message(t, p, time.Time{})), events.ErrMalformed, name)
		}
		require.Zero(t, b.calls.Load())
	})
}

// What comes over the wire may be anything: it is done, refused for good, or an error.
func FuzzCommands(f *testing.F) {
	names := []string{"payment.charge", "payment.void", "payment.refund"}
	for _, body := range []string{`{"order":"o","customer":"c","amount":{"minor":1000,"currency":"EUR"}}`, `{"order":"o"}`, `{}`,
		`null`, ``, "\xff",
		`{"order":"o","refund":"r","amount":{"minor":10,"currency":"EUR"}}`, `{"order":"\u0000"}`,
		`{"order":"` + "\x7f" + `"}`,
		`{"order":"o","customer":"c","amount":{"minor":9223372036854775807,"currency":"EUR"}}`,
		`{"order":"o","amount":{"minor":1.5}}`} {
		for i := range names {
			f.Add(uint8(i), 1, []byte(body))
		}
	}
	b := newBank(f, openSQLite)
	b.Service = b.start(f, hasty)
	f.Fuzz(func(t *testing.T, name uint8, schema int, body []byte) {
		m := b.message(t, void, time.Time{})
		m.Type, m.Schema, m.Body = names[int(name)%len(names)], schema, body
		err := b.handle(m)
		if err != nil && !errors.Is(err, events.ErrMalformed) {
			require.Regexp(t, "provider|breaker", err.Error(), "77 and 99 aren't answered")
		}
		for len(b.sent) > 0 {
			<-b.sent
		}
	})
}
