package saga_test

import (
	"flag"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"warren.example/06-services/config"
	"warren.example/06-services/services/order/saga"
)

// Whatever gets lost, comes twice or late, whatever the customer wants and when: the saga comes to an end, and then goods and
// money are where they belong.
func TestWhateverHappens(t *testing.T) {
	if f := flag.Lookup("rapid.checks"); f.Value.String() == f.DefValue {
		require.NoError(t, f.Value.Set("5000")) // each takes 50 µs, and some paths are rare
	}
	rapid.Check(t, func(t *rapid.T) {
		asks := rapid.IntRange(1, 3)
		w := newWorld(t, saga.Limits{
			Reserve: config.Patience{Wait: time.Second, Asks: asks.Draw(t, "reserve")},
			Charge:  config.Patience{Wait: time.Second, Asks: asks.Draw(t, "charge")},
			Undo:    config.Patience{Wait: time.Second, Asks: asks.Draw(t, "undo")},
		})
		contradicts := rapid.Bool().Draw(t, "the payment may contradict itself")
		actions := []string{"deliver", "deliver", "deliver", "deliver", "double", "lose", "deadline", "deadline", "wish", "capture"}
		for range rapid.IntRange(0, 60).Draw(t, "steps") {
			switch action := rapid.SampledFrom(actions).Draw(t, "action"); {
			case action == "deadline":
				w.passOne()
			case action == "wish":
				key := rapid.SampledFrom([]string{"1", "1", refundID}).Draw(t, "of")
				w.input(key, rapid.SampledFrom([]saga.Input{saga.Cancel, saga.Refund, saga.Resume}).Draw(t, "wish"), "")
			case action == "capture":
				if contradicts && (w.money == "declined" || w.money == "voided") {
					w.money, w.contradicted = "captured", true
					w.say("payment.captured")
				}
			case len(w.network) > 0:
				n := rapid.IntRange(0, len(w.network)-1).Draw(t, "message")
				m := w.network[n]
				if action != "double" {
					w.network = slices.Delete(w.network, n, n+1)
				}
				if action != "lose" {
					w.deliver(m)
				}
			}
			w.check()
		}
		w.settle()
		switch kept := w.kept(); kept {
		case "confirmed sold money", "refunded ", "cancelled ":
		default:
			t.Fatalf("in the end: %s; goods %q", kept, w.goods)
		}
	})
}

// passOne lets the deadline of one of the sagas pass.
func (w *world) passOne() {
	var waiting []string
	for key, s := range w.sagas {
		if s.deadline {
			waiting = append(waiting, key)
		}
	}
	if slices.Sort(waiting); len(waiting) > 0 {
		w.input(rapid.SampledFrom(waiting).Draw(w.t, "deadline of"), saga.Deadline, "")
	}
}

// settle lets all messages arrive, and deadlines pass only when none is left, until all sagas have ended.
func (w *world) settle() {
	w.gentle = true
	if w.contradicted { // nobody will ask about it: if the payment doesn't say it again, nobody can know
		w.say("payment.captured")
	}
	for range 1000 {
		if len(w.network) > 0 {
			m := w.network[0]
			w.network = w.network[1:]
			w.deliver(m)
			w.check()
			continue
		}
		ended := true
		for _, key := range []string{"1", refundID} {
			s := w.sagas[key]
			switch {
			case s == nil || s.State.Ended():
				continue
			case s.deadline:
				w.input(key, saga.Deadline, "")
			case !s.Overdue:
				w.t.Fatalf("saga %s waits for nothing, in %s, and nobody is told", key, s.State)
			default:
				w.input(key, saga.Resume, "")
			}
			ended = false
		}
		if ended {
			return
		}
	}
	w.t.Fatalf("it doesn't end: %+v", w.sagas)
}
