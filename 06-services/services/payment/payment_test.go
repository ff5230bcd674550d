package payment_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"warren.example/06-services/money"
	"warren.example/06-services/services/payment"
)

var (
	states   = []payment.State{payment.None, payment.Asked, payment.Captured, payment.Declined, payment.Voided}
	commands = []payment.Command{payment.Charge, payment.LateCharge, payment.Void}
)

func final(s payment.State) bool { return s != payment.None && s != payment.Asked }

func TestTheFirstHalfOfEveryPair(t *testing.T) {
	const charge, again, void = payment.AskCharge, payment.AskAgain, payment.AskVoid
	want := map[payment.State][3]payment.Step{ // in the order of commands
		payment.None:     {{Next: payment.Asked, Ask: charge}, {Next: payment.Declined}, {Next: payment.Voided}},
		payment.Asked:    {{Next: payment.Asked, Ask: again}, {Next: payment.Asked, Ask: again}, {Next: payment.Asked, Ask: void}},
		payment.Captured: {{Next: payment.Captured}, {Next: payment.Captured}, {Next: payment.Captured}},
		payment.Declined: {{Next: payment.Declined}, {Next: payment.Declined}, {Next: payment.Declined}},
		payment.Voided:   {{Next: payment.Voided}, {Next: payment.Voided}, {Next: payment.Voided}},
	}
	require.Len(t, want, len(states))
	for _, s := range states {
		for i, c := range commands {
			require.Equal(t, want[s][i], payment.Decide(s, c), "%q: %s", s, c)
		}
	}
}

// Either the provider is asked, or there is an answer: no command ends in silence.
func TestEveryCommandEndsInAnAnswer(t *testing.T) {
	for _, s := range states {
		for _, c := range commands {
			step := payment.Decide(s, c)
			_, answered := payment.Answer(c, payment.Payment{State: step.Next})
			require.Equal(t, step.Ask == payment.AskNothing, answered, "%q: %s", s, c)
			require.Equal(t, step.Next == payment.Asked, step.Ask != payment.AskNothing, "%q: %s: asked, and nobody knows", s, c)
		}
	}
}

func TestTheSecondHalfOfEveryPair(t *testing.T) {
	outcomes := []payment.State{payment.Captured, payment.Declined, payment.Voided, payment.None, payment.Asked, "rubbish"}
	for _, s := range states {
		for i, outcome := range outcomes {
			next, ok := payment.Settle(s, outcome)
			possible := i < 3 && (s == payment.Asked || s == outcome)
			require.Equal(t, possible, ok, "%q: %q", s, outcome)
			if possible {
				require.Equal(t, outcome, next)
			} else {
				require.Equal(t, s, next, "what can't be changes nothing")
			}
		}
	}
}

func TestTheAnswerToEveryPair(t *testing.T) {
	want := map[payment.State][3]string{
		payment.None:     {},
		payment.Asked:    {},
		payment.Captured: {"payment.captured", "payment.captured", "payment.captured"},
		payment.Declined: {"payment.declined", "payment.declined", "payment.voided"},
		payment.Voided:   {"payment.voided", "payment.voided", "payment.voided"},
	}
	for _, s := range states {
		for i, c := range commands {
			answer, ok := payment.Answer(c, payment.Payment{Order: "o", State: s})
			require.Equal(t, final(s), ok, "%q: %s", s, c)
			if ok {
				require.Equal(t, want[s][i], answer.Name(), "%q: %s", s, c)
			}
		}
	}
}

func TestBothHalvesOfEveryRefund(t *testing.T) {
	states := []payment.RefundState{payment.RefundNone, payment.RefundAsked, payment.RefundDone, payment.RefundFailed}
	steps := []payment.RefundStep{
		{Next: payment.RefundAsked, Check: true, Ask: true},
		{Next: payment.RefundAsked, Ask: true},
		{Next: payment.RefundDone},
		{Next: payment.RefundAsked, Check: true, Ask: true},
	}
	outcomes := []payment.RefundState{payment.RefundDone, payment.RefundFailed, payment.RefundNone, payment.RefundAsked, "rubbish"}
	for i, s := range states {
		require.Equal(t, steps[i], payment.DecideRefund(s), "%q", s)
		for _, outcome := range outcomes {
			next, ok := payment.SettleRefund(s, outcome)
			possible := s != payment.RefundNone && (outcome == payment.RefundDone || outcome == payment.RefundFailed)
			require.Equal(t, possible, ok, "%q: %q", s, outcome)
			switch {
			case !possible:
				require.Equal(t, s, next)
			case s == payment.RefundDone:
				require.Equal(t, payment.RefundDone, next, "money that is back stays back")
			default:
				require.Equal(t, outcome, next)
			}
		}
		answer, ok := payment.RefundAnswer(payment.Refund{State: s})
		require.Equal(t, s == payment.RefundDone || s == payment.RefundFailed, ok, "%q", s)
		if ok {
			require.Equal(t, s == payment.RefundDone, answer.Name() == "payment.refunded", "%q", s)
		}
	}
}

func TestOnlyWhatWasCapturedIsGivenBack(t *testing.T) {
	p := payment.Payment{State: payment.Captured, Amount: money.Of(1000, "EUR")}
	require.Empty(t, payment.Refusal(p, 0, money.Of(1000, "EUR")))
	require.Empty(t, payment.Refusal(p, 400, money.Of(600, "EUR")))
	require.Equal(t, "more_than_captured", payment.Refusal(p, 400, money.Of(601, "EUR")))
	require.Equal(t, "other_currency", payment.Refusal(p, 0, money.Of(1, "USD")))
	for _, s := range states {
		if s != payment.Captured {
			require.Equal(t, "not_captured", payment.Refusal(payment.Payment{State: s, Amount: p.Amount}, 0, money.Of(1, "EUR")))
		}
	}
}
