package saga_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"warren.example/06-services/config"
	"warren.example/06-services/services/order/saga"
)

var limits = saga.Limits{
	Reserve: config.Patience{Wait: 5 * time.Second, Asks: 3},
	Charge:  config.Patience{Wait: 10 * time.Second, Asks: 1},
	Undo:    config.Patience{Wait: 5 * time.Second, Asks: 4},
}

// Every state has an outcome for every input: "." is late, "x" is refused, "same" asks again with the same message, "-" is
// accepted and changes nothing. All asks of a careful state are used up; one more failure makes no refund stuck.
const (
	sale = `
                       reserving  charging     voiding      withdrawing         releasing   dropped     committing   sold
stock.reserved         charging   .            .            .                   .           .           .            .
stock.rejected         dropped    .            .            .                   .           .           .            .
stock.released         .          .            .            .                   dropped     .           .            .
stock.committed        .          .            .            .                   .           .           sold         .
stock.returned         .          .            .            .                   .           .           .            .
payment.captured       .          committing   committing   releasing+repaying  -+repaying  -+repaying  .            .
payment.declined       .          releasing    releasing    releasing           .           .           .            .
payment.voided         .          .            releasing    releasing           .           .           .            .
payment.refunded       .          .            .            .                   .           .           .            .
payment.refund-failed  .          .            .            .                   .           .           .            .
deadline               releasing  voiding      same         same                same        .           same         .
cancel                 releasing  withdrawing  withdrawing  -                   -           -           -+refunding  -+refunding
refund                 x          x            x            x                   x           x           -+refunding  -+refunding
resume                 same       same         same         same                same        x           same         x
`
	refund = `
                       refunding  pausing    stuck      returning  returned  repaying       repay_pausing  repay_stuck  repaid
stock.reserved         .          .          .          .          .         .              .              .            .
stock.rejected         .          .          .          .          .         .              .              .            .
stock.released         .          .          .          .          .         .              .              .            .
stock.committed        .          .          .          .          .         .              .              .            .
stock.returned         .          .          .          returned   .         .              .              .            .
payment.captured       .          .          .          .          .         .              .              .            .
payment.declined       .          .          .          .          .         .              .              .            .
payment.voided         .          .          .          .          .         .              .              .            .
payment.refunded       returning  returning  returning  .          .         repaid         repaid         repaid       .
payment.refund-failed  pausing    .          .          .          .         repay_pausing  .              .            .
deadline               same       refunding  .          same       .         same           repaying       .            .
cancel                 x          x          x          x          x         x              x              x            x
refund                 x          x          x          x          x         x              x              x            x
resume                 same       refunding  refunding  same       x         same           repaying       repaying     x
`
)

func TestEveryPair(t *testing.T) {
	states := 0
	for _, table := range []string{sale, refund} {
		lines := strings.Split(strings.Trim(table, "\n"), "\n")
		header := strings.Fields(lines[0])
		states += len(header)
		require.Len(t, lines, 1+14, "inputs")
		for _, line := range lines[1:] {
			cells := strings.Fields(line)
			require.Len(t, cells, 1+len(header), cells[0])
			for i, want := range cells[1:] {
				pair(t, header[i], cells[0], want)
			}
		}
	}
	require.Equal(t, 17, states)
}

func pair(t *testing.T, state, in, want string) {
	before := saga.Saga{State: saga.State(state), Asks: 3, Failures: 1, Reason: "before"}
	d := saga.Step(before, saga.Input(in), "", limits)
	require.Equal(t, want, write(before, d), "%s when %s", in, state)
	if d.Outcome != saga.Taken {
		require.Equal(t, saga.Decision{Outcome: d.Outcome, Saga: before}, d, "%s when %s", in, state)
	}
}

func write(before saga.Saga, d saga.Decision) string {
	text := string(d.Saga.State)
	switch {
	case d.Outcome == saga.Late:
		return "."
	case d.Outcome == saga.Refused:
		return "x"
	case d.Again:
		text = "same"
	case d.Stays:
		text = "-"
	}
	if d.Start != "" {
		text += "+" + string(d.Start)
	}
	return text
}

// What a saga asks for on its way, what happens to the order, and why it comes to nothing.
func TestPaths(t *testing.T) {
	tests := map[string]struct {
		begin saga.State
		path  string // input, or input:reason
		want  string // for each: the command, =same if it is sent again, the order's change
	}{
		"happy": {saga.Reserving, "stock.reserved payment.captured stock.committed",
			"stock.reserve; payment.charge reserve; stock.commit confirm; "},
		"out of stock": {saga.Reserving, "stock.rejected:out_of_stock", "stock.reserve; drop out_of_stock"},
		"declined": {saga.Reserving, "stock.reserved payment.declined:payment_declined stock.released",
			"stock.reserve; payment.charge reserve; stock.release payment_declined; drop payment_declined"},
		"no answer while reserving": {saga.Reserving, "deadline deadline deadline stock.released",
			"stock.reserve; stock.reserve=same; stock.reserve=same; stock.release no_answer; drop no_answer"},
		"no answer while charging, voided": {saga.Reserving, "stock.reserved deadline payment.voided stock.released",
			"stock.reserve; payment.charge reserve; payment.void no_answer; stock.release no_answer; drop no_answer"},
		"no answer while charging, captured": {saga.Reserving, "stock.reserved deadline deadline payment.captured",
			"stock.reserve; payment.charge reserve; payment.void no_answer; payment.void=same no_answer; stock.commit confirm"},
		"cancelled while reserving": {saga.Reserving, "cancel stock.reserved stock.released",
			"stock.reserve; stock.release customer; customer; drop customer"},
		"cancelled while charging": {saga.Reserving, "stock.reserved cancel payment.voided stock.released",
			"stock.reserve; payment.charge reserve; payment.void customer; stock.release customer; drop customer"},
		"cancelled while charging, too late": {saga.Reserving, "stock.reserved cancel payment.captured stock.released",
			"stock.reserve; payment.charge reserve; payment.void customer; stock.release overcharge customer; drop customer"},
		"refund": {saga.Refunding, "payment.refund-failed deadline payment.refunded stock.returned",
			"payment.refund; ; payment.refund; stock.return give_back; "},
		"stuck": {saga.Refunding, strings.Repeat("payment.refund-failed deadline ", 4) + "resume payment.refunded",
			"payment.refund; ; payment.refund; ; payment.refund; ; payment.refund; get_stuck; ; payment.refund unstick; " +
				"stock.return give_back"},
		"repayment": {saga.Repaying, "deadline payment.refunded", "payment.refund; payment.refund=same; repay"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			d := saga.Begin(test.begin, limits)
			steps := []string{describe(d)}
			for _, in := range strings.Fields(test.path) {
				in, reason, _ := strings.Cut(in, ":")
				d = saga.Step(d.Saga, saga.Input(in), reason, limits)
				steps = append(steps, describe(d))
			}
			require.Equal(t, test.want, strings.Join(steps, "; "))
		})
	}
}

func describe(d saga.Decision) string {
	send := d.Send
	if d.Again {
		send += "=same"
	}
	return strings.Join(strings.Fields(send+" "+string(d.Order)+" "+d.Saga.Reason), " ")
}

func TestPausesGrowAndSomebodyIsTold(t *testing.T) {
	d := saga.Begin(saga.Refunding, limits)
	waits := []time.Duration{d.Wait}
	for range 9 {
		d = saga.Step(d.Saga, saga.Deadline, "", limits)
		waits = append(waits, d.Wait)
		require.Equal(t, d.Saga.Asks > 4, d.Saga.Overdue, "ask %d", d.Saga.Asks)
	}
	s := time.Second
	require.Equal(t, []time.Duration{5 * s, 10 * s, 20 * s, 40 * s, 80 * s, 160 * s, 300 * s, 300 * s, 300 * s, 300 * s}, waits)

	d = saga.Step(d.Saga, saga.Resume, "", limits)
	require.False(t, d.Saga.Overdue, "after resume")
	require.Equal(t, 5*s, d.Wait, "after resume")
	require.True(t, d.Again, "resume sends the same message")
}

func TestRefundPausesGrow(t *testing.T) {
	s := saga.Saga{State: saga.Refunding, Asks: 3, Failures: 2}
	d := saga.Step(s, saga.RefundFailed, "", limits)
	require.Equal(t, 3, d.Saga.Failures)
	require.Equal(t, 20*time.Second, d.Wait)
	require.Empty(t, d.Send)
	d = saga.Step(d.Saga, saga.Deadline, "", limits)
	require.Equal(t, "payment.refund", d.Send)
	require.False(t, d.Again, "what has failed is asked with a new message: the inbox knows the old one")
	require.Equal(t, 5*time.Second, d.Wait)
	d = saga.Step(d.Saga, saga.RefundFailed, "", limits)
	require.Equal(t, saga.Stuck, d.Saga.State)
	require.True(t, d.Saga.Overdue)
	require.Zero(t, d.Wait)
	d = saga.Step(d.Saga, saga.Resume, "", limits)
	require.Zero(t, d.Saga.Failures, "resume gives as many tries as before")
	require.False(t, d.Saga.Overdue)
}

// A command that turns up next week must be refused; one that the saga still waits for must not.
func TestExpires(t *testing.T) {
	d := saga.Begin(saga.Reserving, limits)
	require.Greater(t, d.Expires, 15*time.Second)
	require.Less(t, d.Expires, time.Hour)
	require.Zero(t, saga.Begin(saga.Refunding, limits).Expires, "there is no way back from a refund")
	for _, s := range []saga.State{saga.Releasing, saga.Voiding, saga.Withdrawing, saga.Committing} {
		d := saga.Step(saga.Saga{State: s, Asks: 1}, saga.Deadline, "", limits)
		require.Zero(t, d.Expires, "nor from %s", s)
	}
}

func TestWithoutLimits(t *testing.T) {
	forever := saga.Limits{Reserve: config.Patience{Wait: time.Second}, Charge: config.Patience{Wait: time.Second},
		Undo: config.Patience{Wait: time.Second}}
	for _, begin := range []saga.State{saga.Reserving, saga.Refunding} {
		d := saga.Begin(begin, forever)
		for range 100 {
			d = saga.Step(d.Saga, saga.Deadline, "", forever)
		}
		require.Equal(t, begin, d.Saga.State)
		require.False(t, d.Saga.Overdue)
	}
	d := saga.Decision{Saga: saga.Saga{State: saga.Refunding, Failures: 99}}
	require.Equal(t, saga.Pausing, saga.Step(d.Saga, saga.RefundFailed, "", forever).Saga.State)
}

// The customer's wish is older than the answer: what nobody knows goes on, what the customer cancels doesn't.
func TestReasonIsForgottenWhenTheSaleGoesOn(t *testing.T) {
	d := saga.Step(saga.Saga{State: saga.Voiding, Reason: saga.NoAnswer}, saga.Captured, "", limits)
	require.Empty(t, d.Saga.Reason)
}
