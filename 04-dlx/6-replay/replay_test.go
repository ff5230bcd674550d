package replay_test

import (
	"bytes"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"warren.example/04-dlx/6-replay"
	"warren.example/workshop/lab"
)

func TestDeadGoBackWhereTheyDied(t *testing.T) {
	s := newStage(t)
	s.dies(inventory, "order-7")
	s.dies(returns, "parcel-1")
	s.dies(inventory, "order-8")

	s.mustMove(10, 3)

	s.holds(inventory, lab.Claim{Why: "orders that could be packed now stay dead"}, "order-7", "order-8")
	s.holds(returns, lab.Claim{Why: "a parcel that came back is with those who know nothing of parcels"}, "parcel-1")
	s.holds(dead, lab.Claim{
		Saw:  "three messages went back",
		Want: "none: what RabbitMQ has confirmed elsewhere is acked",
		Why:  "the next replay sends all of them a second time",
	})
	s.nothingStaysOpen()

	s.mustMove(10, 0) // there is nothing
}

func TestLastDeathCounts(t *testing.T) {
	s := newStage(t)
	s.lab.Declare("basket.unpaid", amqp.Table{"x-dead-letter-exchange": "", "x-dead-letter-routing-key": inventory})
	s.lab.Put("", "basket.unpaid", order("order-7"))
	d, ok, err := s.ch.Get("basket.unpaid", false)
	s.must(err)
	if !ok {
		s.lab.Failf("order-7 is not in basket.unpaid")
	}
	s.must(d.Reject(false)) // it is none of the unpaid: so it goes on to inventory.commands
	s.reject(inventory)

	s.mustMove(10, 1)

	why := "it takes the long way round: a paid order is treated as an unpaid basket once more"
	s.holds("basket.unpaid", lab.Claim{Want: "none: order-7 died there first, and in inventory.commands last", Why: why})
	s.holds(inventory, lab.Claim{Saw: "order-7 died in basket.unpaid first, and here last", Why: why}, "order-7")
}

// What 04/4 has parked is a copy: it has not died, and says itself where it failed.
func TestParkedCopiesGoBack(t *testing.T) {
	s := newStage(t)
	parked := order("order-7")
	parked.Headers = amqp.Table{replay.Queue: inventory, replay.Attempt: int64(4), "cause": "the carrier doesn't answer"}
	parked.Expiration = "604800000" // a week
	s.lab.Put("", dead, parked)
	parked.MessageId = "parcel-1" // parked once, it is elsewhere now, and dies there
	s.lab.Put("", returns, parked)
	s.reject(returns)

	s.mustMove(10, 2)

	s.lab.Soon(func() bool { return s.lab.Depth(inventory)+s.lab.Depth(returns) == 2 })
	here, there := s.lab.Drain(inventory), s.lab.Drain(returns)
	s.lab.Check(slices.Equal(idsOf(here), []string{"order-7"}) && slices.Equal(idsOf(there), []string{"parcel-1"}), lab.Claim{
		Saw: fmt.Sprintf("order-7 was parked by %[1]s; parcel-1 too, and died in %[2]s later: %[1]s has %[3]q, %[2]s has %[4]q",
			inventory, returns, idsOf(here), idsOf(there)),
		Want: "order-7 and parcel-1: only where x-death names no queue, the header queue does",
		Why:  "an old header decides: a parcel that came back is with those who know nothing of parcels",
		Wire: s.story(),
		Read: about,
	})
	s.lab.Check(here[0].Expiration == parked.Expiration, lab.Claim{
		Saw:  fmt.Sprintf("order-7 went back, and arrived with expiration %q", here[0].Expiration),
		Want: fmt.Sprintf("%q: properties as they were", parked.Expiration),
		Why:  "whoever said that it is worth nothing next week is not heard",
		Wire: s.story(),
		Read: about,
	})
	for _, d := range append(here, there...) {
		_, kept := d.Headers[replay.Attempt]
		s.lab.Check(!kept, lab.Claim{
			Saw:  fmt.Sprintf("%s went back, and arrived with header %s: %v", d.MessageId, replay.Attempt, d.Headers[replay.Attempt]),
			Want: "no such header: its attempts begin anew",
			Why:  "it has used up its attempts: at the first failure it is parked again, and nobody has tried it later",
			Wire: s.story(),
			Read: about,
		})
		s.lab.Check(d.Headers["cause"] == "the carrier doesn't answer", lab.Claim{
			Saw:  fmt.Sprintf("%s went back, and arrived with header cause: %v", d.MessageId, d.Headers["cause"]),
			Want: "the headers as they were, but for those that count",
			Why:  "who finds it dead once more can't see what was wrong the first time",
			Wire: s.story(),
			Read: about,
		})
	}
}

func TestOthersHearNothing(t *testing.T) {
	s := newStage(t)
	copied := order("order-7")
	copied.Headers = amqp.Table{"CC": []any{"order.copied", returns}}
	s.lab.Put(events, "order.placed", copied)
	s.reject(inventory)
	s.lab.Put("", inventory, copied) // straight to two queues
	s.reject(inventory)
	for _, queue := range []string{billing, returns} {
		s.lab.Drain(queue)
	}

	s.mustMove(10, 2)

	claim := lab.Claim{
		Want: "none: they got it when it was published, and it did not die there",
		Why:  "the customer is charged a second time, because the warehouse had a problem",
	}
	claim.Saw = "an order that billing had got too died in inventory.commands, and went back"
	s.holds(billing, claim)
	claim.Saw = "an order whose header CC named returns.commands too died in inventory.commands, and went back"
	s.holds(returns, claim)
	s.holds(inventory, lab.Claim{}, "order-7", "order-7")
}

func TestMessageArrivesAsItWas(t *testing.T) {
	s := newStageWith(t, amqp.Table{"x-queue-type": "quorum", "x-delivery-limit": 10})
	uri, err := amqp.ParseURI(s.lab.URL)
	s.must(err)
	was := amqp.Publishing{
		Headers: amqp.Table{
			"traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "cause": "no answer", "lines": int32(3), "gift": true,
			"x-shop": "teapots", "customer": amqp.Table{"id": int64(7)},
		},
		ContentType: "application/json", ContentEncoding: "gzip", DeliveryMode: amqp.Persistent, Priority: 3,
		CorrelationId: "saga-7", ReplyTo: "saga.replies", MessageId: "order-7", Timestamp: time.Unix(1_700_000_000, 0),
		Type: "order.placed", UserId: uri.Username, AppId: "shop", Body: []byte{'{', 0, 0xff, '}'},
	}
	s.lab.Put("", inventory, was)
	s.reject(inventory)
	s.look()

	s.mustMove(10, 1)

	s.lab.Soon(func() bool { return s.lab.Depth(inventory) > 0 })
	is := s.lab.Get(inventory)
	claim := lab.Claim{Why: "a trace that ends here, a reply that goes nowhere, an order that a restart forgets", Wire: s.story(), Read: about}
	for _, p := range []struct {
		name    string
		was, is any
	}{
		{"content type", was.ContentType, is.ContentType}, {"content encoding", was.ContentEncoding, is.ContentEncoding},
		{"delivery mode", was.DeliveryMode, is.DeliveryMode}, {"priority", was.Priority, is.Priority},
		{"correlation id", was.CorrelationId, is.CorrelationId}, {"reply-to", was.ReplyTo, is.ReplyTo},
		{"message id", was.MessageId, is.MessageId}, {"timestamp", was.Timestamp.Unix(), is.Timestamp.Unix()},
		{"type", was.Type, is.Type}, {"app id", was.AppId, is.AppId}, {"user id", "", is.UserId},
	} {
		claim.Saw = fmt.Sprintf("order-7 went back, and arrived with %s %v", p.name, p.is)
		claim.Want = fmt.Sprintf("%s %v", p.name, p.was)
		s.lab.Check(p.was == p.is, claim)
	}
	claim.Saw, claim.Want = fmt.Sprintf("order-7 went back, and arrived with the body %q", is.Body), fmt.Sprintf("%q", was.Body)
	s.lab.Check(bytes.Equal(is.Body, was.Body), claim)
	for name, value := range was.Headers {
		claim.Saw = fmt.Sprintf("order-7 went back, and arrived with header %s: %#v", name, is.Headers[name])
		claim.Want = fmt.Sprintf("%#v", value)
		s.lab.Check(reflect.DeepEqual(is.Headers[name], value), claim)
	}
	for _, name := range slices.Sorted(maps.Keys(is.Headers)) {
		s.lab.Check(!ofTheBroker(name), lab.Claim{
			Saw:  fmt.Sprintf("order-7 went back, and arrived with header %s: %v", name, is.Headers[name]),
			Want: "what RabbitMQ wrote about deaths and deliveries stays behind: it begins anew",
			Why: "who counts deaths or deliveries gives up before the first try; and RabbitMQ 3 goes by an x-death that it is given: it drops " +
				"the message on its next way through a retry queue, as one that goes round in circles",
			Wire: s.story(),
			Read: about,
		})
	}
}

// look takes a message out of the dead letter queue and gives it back, as a human does who looks what is there.
func (s *stage) look() {
	d, ok, err := s.ch.Get(dead, false)
	s.must(err)
	if !ok {
		s.lab.Failf("nothing is in %s", dead)
	}
	s.must(d.Nack(false, true))
	s.lab.Await("a message in "+dead, func() bool { return s.lab.Depth(dead) == 1 })
}

func ofTheBroker(name string) bool {
	switch name {
	case "x-death", "x-delivery-count", "x-acquired-count":
		return true
	}
	return strings.HasPrefix(name, "x-first-death-") || strings.HasPrefix(name, "x-last-death-")
}

func TestReplaysAreCounted(t *testing.T) {
	s := newStage(t)
	s.dies(inventory, "order-7")
	for times := 1; times <= 3; times++ {
		s.mustMove(10, 1)
		s.lab.Await("order-7 in "+inventory, func() bool { return s.lab.Depth(inventory) == 1 })
		s.reject(inventory)

		d, ok, err := s.ch.Get(dead, false)
		s.must(err)
		if !ok {
			s.lab.Failf("order-7 is not in %s", dead)
		}
		s.lab.Check(fmt.Sprint(d.Headers[replay.Replays]) == fmt.Sprint(times), lab.Claim{
			Saw:  fmt.Sprintf("order-7 went back (replay %d), with header %s: %v", times, replay.Replays, d.Headers[replay.Replays]),
			Want: fmt.Sprint(times),
			Why:  "it is sent back each morning for a year, and nobody notices that it dies each time",
			Wire: s.story(),
			Read: about,
		})
		s.must(d.Nack(false, true))
		s.lab.Await("order-7 in "+dead, func() bool { return s.lab.Depth(dead) == 1 })
	}
}

func TestLimitIsKept(t *testing.T) {
	s := newStage(t)
	s.dies(inventory, "order-1", "order-2", "order-3", "order-4", "order-5")

	for _, limit := range []int{0, -1} {
		run := s.replay(limit)
		err := run.Wait()
		s.lab.Error(err, lab.Claim{
			Saw:  fmt.Sprintf("Replay with limit %d moved %d of 5 orders, and returned nil", limit, run.moved),
			Want: "an error, and nothing is moved: 0 is not \"all\"",
			Why:  "a variable that nobody has set, and a million dead orders fall upon a warehouse that has just recovered",
			Wire: s.story(),
			Read: about,
		})
	}

	s.mustMove(2, 2)

	s.holds(inventory, lab.Claim{Why: "a warehouse that has just recovered is buried again"}, "order-1", "order-2")
	s.lab.Await("the rest in "+dead, func() bool { return s.lab.Depth(dead) >= 3 })
	rest := s.lab.Drain(dead)
	s.lab.Check(fmt.Sprint(idsOf(rest)) == "[order-3 order-4 order-5]", lab.Claim{
		Saw:  fmt.Sprintf("two of five went back; %s has %q", dead, idsOf(rest)),
		Want: "order-3, order-4, order-5",
		Wire: s.story(),
		Read: about,
	})
	for _, d := range rest {
		s.lab.Check(!d.Redelivered, lab.Claim{
			Saw:  fmt.Sprintf("%s was taken out of the dead letter queue and given back: it is redelivered", d.MessageId),
			Want: "what it doesn't get to, it doesn't take out",
			Why: "a quorum queue counts each time, and since RabbitMQ 4.0 it throws out at 20 what nobody ever tried: some " +
				"small replays, and the rest is gone",
			Wire: s.story(),
			Read: about,
		})
	}
}

func TestWhatDiesAgainStays(t *testing.T) {
	s := newStage(t)
	s.dies(inventory, "order-1", "order-2", "order-3")
	begun := s.now()
	held := s.lab.Tap.Add(holdConfirms)
	run := s.replay(100)

	// Each order dies again before RabbitMQ's confirm comes through: so it is in the dead letter queue when Replay goes on.
	for range 3 {
		if !s.lab.Soon(func() bool { return s.lab.Depth(inventory) > 0 || !run.Running() }) || !run.Running() {
			break
		}
		s.quiet()
		s.reject(inventory)
		held.Release()
	}

	s.lab.Soon(func() bool { return s.published(inventory, begun) > 3 || !run.Running() })
	sent := s.published(inventory, begun)
	s.lab.Check(sent == 3, lab.Claim{
		Saw:  fmt.Sprintf("three orders were dead, and died again; Replay sent %d, and limit was 100", sent),
		Want: "three: what comes to the dead letter queue after the beginning stays there",
		Why:  "what killed them isn't mended after all: they go round for ever, as fast as the machine can, and the console says nothing",
		Wire: s.story(),
		Read: about,
	})
	err := run.Wait()
	s.lab.NoError(err, lab.Claim{Want: "nil: three went back. What became of them then is for their consumer to say", Wire: s.story(), Read: about})
	s.lab.Check(run.moved == 3, lab.Claim{Saw: fmt.Sprintf("Replay returned %d", run.moved), Want: "3", Wire: s.story(), Read: about})
	s.missing([]string{"order-1", "order-2", "order-3"}, s.ids(dead), s.ids(inventory), lab.Claim{Saw: "three orders went back", Wire: s.story()})
}
