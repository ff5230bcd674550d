package window_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"warren.example/03-durability/3-window"
	"warren.example/workshop/lab"
	"warren.example/workshop/tap"
)

func TestMessageGoesOutAsItIs(t *testing.T) {
	s := newStage(t, 2)
	headers := amqp.Table{"customer": "Ada"}
	m := amqp.Publishing{
		MessageId: "order-7/1", DeliveryMode: amqp.Persistent, ContentType: "text/plain", Type: "stock.reserve",
		Headers: headers, Body: []byte("order-7"),
	}

	s.mustBe(s.sendTo(queue, m), window.Stored, lab.Claim{Saw: "RabbitMQ acked order-7"})

	got := s.lab.Get(queue)
	s.lab.Check(string(got.Body) == "order-7" && got.DeliveryMode == amqp.Persistent && got.ContentType == "text/plain" &&
		got.Type == "stock.reserve" && got.Headers["customer"] == "Ada", lab.Claim{
		Saw:  fmt.Sprintf("%q came out, with delivery mode %d and headers %v", got.Body, got.DeliveryMode, got.Headers),
		Want: "what the caller put in",
	})
	s.lab.Check(got.MessageId == "order-7/1", lab.Claim{
		Saw:  fmt.Sprintf("the caller's message has the id order-7/1, and %q came out", got.MessageId),
		Want: "the id stays",
		Why:  "a second try with another id is another message: nobody downstream can tell that it is the same order",
		Read: "03-durability/README.md#window",
	})
	s.lab.Check(maps.Equal(headers, amqp.Table{"customer": "Ada"}), lab.Claim{
		Saw:  fmt.Sprintf("the caller's own header table now is %v", headers),
		Want: "it stays as it was: copy it before you add anything",
		Why:  "two goroutines that publish with the same table write into one map: the process dies (concurrent map writes)",
		Read: "03-durability/README.md#window",
	})
}

func TestMessageGoesWhereItShould(t *testing.T) {
	const exchange, key = "inventory", "stock.reserve"
	s := newStage(t, 2)
	ch := s.lab.Channel()
	if err := errors.Join(ch.ExchangeDeclare(exchange, "direct", true, false, false, false, nil),
		ch.QueueBind(queue, key, exchange, false, nil)); err != nil {
		s.lab.Failf("bind the queue: %v", err)
	}

	var result window.Result
	err := s.lab.Do("Publish", func(ctx context.Context) (err error) {
		result, err = s.pub.Publish(ctx, exchange, key, amqp.Publishing{DeliveryMode: amqp.Transient, Body: []byte("order-7")})
		return err
	})

	s.lab.NoError(err, lab.Claim{Want: "stored, and no error"})
	s.lab.Check(result == window.Stored, lab.Claim{
		Saw:  fmt.Sprintf("a queue is bound to the exchange %s with the key %s; Publish to them returned %s", exchange, key, result),
		Want: "stored",
		Why:  "the message is nowhere, or with another program",
		Wire: s.confirms(),
	})
	got := s.lab.Get(queue)
	s.lab.Check(got.DeliveryMode == amqp.Transient, lab.Claim{
		Saw:  fmt.Sprintf("the caller's message is transient (delivery mode 1), and came out with delivery mode %d", got.DeliveryMode),
		Want: "it goes out as it is",
		Why:  "what nobody would miss after a restart is written to disk, and the orders wait behind it",
		Read: "03-durability/README.md#persistent",
	})
}

func TestRefusedIsAnAnswer(t *testing.T) {
	s := newStage(t, 2)
	s.refuse("order-7")

	s.mustBe(s.send("order-7"), window.Refused, lab.Claim{
		Saw:  "RabbitMQ nacked order-7",
		Want: "refused, and no error: that is an answer",
		Why:  "the queue is full: who takes that for a success loses orders, who takes it for a lost connection dials again and again",
		Read: "03-durability/README.md#confirm",
	})
	s.lab.Check(len(s.sent()) == 1, lab.Claim{
		Saw:  fmt.Sprintf("RabbitMQ nacked order-7, and order-7 was sent %d times", len(s.sent())),
		Want: "once: whether to try again, and when, is for the caller to say",
		Why:  "a queue that is full gets twice the messages, from everybody at once",
		Wire: s.confirms(),
	})
}

func TestEndOfCtxIsUnknown(t *testing.T) {
	s := newStage(t, 2)
	held := s.hold("order-7")
	sent := s.send("order-7")
	s.out(sent)

	sent.Stop()

	err := s.mustBeUnknown(sent, lab.Claim{
		Saw:  "ctx ended before RabbitMQ answered order-7",
		Why:  "RabbitMQ has the order: who is told that it has not sends another one",
		Read: "03-durability/README.md#window",
	})
	s.lab.Check(errors.Is(err, context.Canceled), lab.Claim{
		Saw: fmt.Sprintf("ctx ended before the answer, and Publish returned: %v", err), Want: "an error that wraps ctx's (%w)",
	})
	held.Remove()
	s.awhile()
	s.lab.Check(len(s.sent()) == 1, lab.Claim{
		Saw:  fmt.Sprintf("ctx ended before the answer, and order-7 was sent %d times", len(s.sent())),
		Want: "once: whether to try again is for the caller to say",
	})
}

func TestAnswersComeInAnyOrder(t *testing.T) {
	s := newStage(t, 3)
	s.refuse("order-2")
	held := s.hold("order-1")
	first := s.send("order-1")
	s.out(first)
	claim := lab.Claim{
		Saw: "order-1 is not answered yet; order-2 was nacked and order-3 acked",
		Why: "RabbitMQ answers in the order in which its queues are done: one slow queue must not hold up, or decide, " +
			"what the others' callers are told",
	}

	s.mustBe(s.send("order-2"), window.Refused, claim)
	s.mustBe(s.send("order-3"), window.Stored, claim)

	s.awhile()
	claim.Saw += fmt.Sprintf("; Publish of order-1 returned %s", first.got())
	claim.Want = "Publish of order-1 waits for its own answer"
	claim.Wire = s.confirms()
	s.lab.Check(first.Running(), claim)
	held.Remove()
	s.mustBe(first, window.Stored, lab.Claim{Saw: "order-1 was acked at last"})
}

func TestLateAnswerIsForNobodyElse(t *testing.T) {
	s := newStage(t, 2)
	late := s.hold("order-1")
	first := s.send("order-1")
	s.out(first)
	first.Stop()
	s.mustBeUnknown(first, lab.Claim{Saw: "ctx of order-1 ended before its answer"})
	lost := s.lab.Tap.Add(tap.Drop{On: publishing("order-2")}) // the network takes it and never brings it
	second := s.send("order-2")
	s.out(second)
	s.lab.Check(lost.Struck() == 1, lab.Claim{Saw: "order-2 was not sent", Want: "there is a place in the window for it"})

	late.Remove()
	s.awhile()

	s.lab.Check(second.Running(), lab.Claim{
		Saw: fmt.Sprintf("the caller of order-1 had left when its ack came, and order-2, which RabbitMQ never got, was reported as %s",
			second.got()),
		Want: "an answer counts for the message whose number it carries, and for no other",
		Why:  "from the first caller who gives up on, every answer goes to the next message: what is lost is reported as stored",
		Wire: s.confirms(),
		Read: "03-durability/README.md#window",
	})
	s.lab.Tap.CutAll() // order-2 is never answered
	s.mustBeUnknown(second, lab.Claim{Saw: "order-2 was lost on the way, and the connection was cut"})
}

// A pausing context waits at the nth call of Done, so that another goroutine gets in between.
type pausing struct {
	context.Context
	nth     int
	reached chan struct{} // closed at that call
	goOn    chan struct{}

	mu    sync.Mutex // guards calls
	calls int
}

func (p *pausing) Done() <-chan struct{} {
	p.mu.Lock()
	p.calls++
	at := p.calls
	p.mu.Unlock()
	if at == p.nth {
		close(p.reached)
		<-p.goOn
	}
	return p.Context.Done()
}

func TestTwoAtOnceAreToldApart(t *testing.T) {
	s := newStage(t, 4)
	for nth := 1; nth <= 6; nth++ { // each step of Publish at which it looks at ctx
		ours, other := fmt.Sprintf("order-%d-refused", nth), fmt.Sprintf("order-%d-stored", nth)
		s.refuse(ours)
		pause := &pausing{nth: nth, reached: make(chan struct{}), goOn: make(chan struct{})}
		goOn := sync.OnceFunc(func() { close(pause.goOn) })
		t.Cleanup(goOn)
		refused := s.sendAs(queue, amqp.Publishing{Body: []byte(ours)}, func(ctx context.Context) context.Context {
			pause.Context = ctx
			return pause
		})
		select {
		case <-pause.reached:
		case <-refused.Done():
		}

		stored := s.send(other)
		select {
		case <-stored.Done():
		case <-time.After(s.lab.Patience(time.Second)): // it waits for a lock that the one who paused holds: that is fine
		}
		goOn()

		claim := lab.Claim{
			Saw: fmt.Sprintf("one goroutine paused where it asks ctx for the time number %d, another one published meanwhile; %s was acked, %s nacked",
				nth, other, ours),
			Why: "between asking for the next number and sending the message another goroutine sends its own: two have the " +
				"same number, and one gets the other's answer",
		}
		s.mustBe(stored, window.Stored, claim)
		s.mustBe(refused, window.Refused, claim)
	}
}

func TestEachOfThousandsGetsItsOwnAnswer(t *testing.T) {
	const callers, each = 50, 100
	s := newStageAlone(t, 64)
	s.lab.Tap.Add(tap.Refuse{On: tap.Trigger{Filter: tap.Filter{Where: func(e tap.Event) bool { return isOdd(e.Body) }}}})
	pub := s.pub
	var mu sync.Mutex // guards what follows
	wrong, total := "", 0

	call := s.lab.Go("Publish by 50 goroutines", func(ctx context.Context) error {
		var all sync.WaitGroup
		var failed error
		for caller := range callers {
			all.Go(func() {
				for i := range each {
					body := fmt.Appendf(nil, "order-%d", caller*each+i)
					result, err := pub.Publish(ctx, "", queue, amqp.Publishing{Body: body})
					mu.Lock()
					total++
					if err != nil {
						failed = err
					} else if (result == window.Refused) != isOdd(body) || (result == window.Stored) == isOdd(body) {
						wrong = fmt.Sprintf("%s was reported as %s", body, result)
					}
					stop := failed != nil || wrong != ""
					mu.Unlock()
					if stop {
						return
					}
				}
			})
		}
		all.Wait()
		return failed
	})
	claim := lab.Claim{
		Want: "refused for the odd ones, stored for the others",
		Why:  "the relay marks orders as sent that RabbitMQ refused, and sends others twice",
		Read: "03-durability/README.md#window",
	}
	done := true
	select {
	case <-call.Done():
	case <-time.After(s.lab.Patience(20 * time.Second)):
		done = false
	}
	mu.Lock()
	claim.Saw = fmt.Sprintf("50 goroutines publish, RabbitMQ refuses every second message, and after %d answers somebody waits for ever", total)
	mu.Unlock()
	s.lab.Check(done, claim)
	s.lab.NoError(call.Wait(), claim)
	claim.Saw = fmt.Sprintf("50 goroutines publish, RabbitMQ refuses those with odd numbers, and %s", wrong)
	s.lab.Check(wrong == "", claim)
	s.lab.Check(s.lab.Soon(func() bool { return s.lab.Depth(queue) == callers*each/2 }), lab.Claim{
		Saw:  fmt.Sprintf("of %d messages RabbitMQ refused every second one, and the queue has %d", callers*each, s.lab.Depth(queue)),
		Want: fmt.Sprint(callers * each / 2),
	})
}

// isOdd tells whether a body ends with an odd figure.
func isOdd(body []byte) bool { return len(body) > 0 && body[len(body)-1]%2 == 1 }
