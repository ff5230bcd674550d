package hello_test

import (
	"context"
	"errors"
	"fmt"
	"mime"
	"strings"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"

	"warren.example/01-basics/1-hello"
	"warren.example/workshop/lab"
	"warren.example/workshop/tap"
	"warren.example/workshop/wire"
)

const (
	queue   = "inventory.commands"
	message = "stock.reserve order-7: 2 × teapot\n"
)

// A stage is a broker with nothing in it, and a connection for Send.
type stage struct {
	lab  *lab.Lab
	conn *amqp.Connection
}

func newStage(t *testing.T) *stage {
	t.Helper()
	t.Parallel()
	l := lab.New(t)
	return &stage{l, l.Dial()}
}

// send calls Send and returns its error.
func (s *stage) send(queue, text string) error {
	return s.lab.Do("Send", func(ctx context.Context) error { return hello.Send(ctx, s.conn, queue, text) })
}

// mustSend calls Send where nothing stands in its way.
func (s *stage) mustSend(queue, text string) {
	s.lab.NoError(s.send(queue, text), lab.Claim{
		Want: "nil: the broker is there, and nothing speaks against the queue or the message",
		Why:  "the shop believes that the order was not passed on",
		Read: "01-basics/README.md#queue",
	})
}

// sent returns what Send has told the broker with one method, such as "queue.declare".
func (s *stage) sent(method string) []tap.Event {
	s.lab.Fence(s.conn)
	return s.lab.Tap.Recording().Find(tap.Filter{From: tap.Client, Method: method})
}

// connectionIsOpen claims that Send left its caller's connection alone.
func (s *stage) connectionIsOpen() {
	s.lab.Check(!s.conn.IsClosed(), lab.Claim{
		Saw:  "Send returned nil, and its caller's connection is closed",
		Want: "conn stays open: it is the caller's",
		Why:  "one connection serves the whole program: all others who use it are cut off by one message",
		Wire: s.lab.Wire(s.lab.Tap.Recording().Find(tap.Filter{Where: func(e tap.Event) bool {
			return e.Name() == "basic.publish" || e.Name() == "connection.close"
		}})...),
		Read: "01-basics/README.md#channel",
	})
}

func TestMessageArrives(t *testing.T) {
	s := newStage(t)

	s.mustSend(queue, message)
	s.connectionIsOpen()
	if err := s.conn.Close(); err != nil { // the sender goes home; queue and message stay
		s.lab.Failf("close the sender's connection: %v", err)
	}

	s.lab.Check(s.lab.Exists(queue), lab.Claim{
		Saw:  "Send returned nil, the sender has gone, and there is no queue " + queue,
		Want: "the queue is there, with the message in it",
		Why:  "nobody waits at the other end yet: without a queue to wait in, the message is gone, and nobody is told",
		Read: "01-basics/README.md#queue",
	})
	s.lab.Publish(queue, "the test's own message")
	first := string(s.lab.Get(queue).Body)
	s.lab.Check(first != "the test's own message", lab.Claim{
		Saw:  "Send returned nil, and its message is not in " + queue,
		Want: "the message waits in the queue",
		Why:  "publishing only writes: a message that goes to the wrong place is lost without a word",
		Read: "01-basics/README.md#queue",
	})
	s.lab.Check(first == message, lab.Claim{
		Saw:  fmt.Sprintf("%q went in, %q came out", message, first),
		Want: "the text arrives unchanged, byte for byte",
		Why:  "the inventory does not understand what it was sent",
		Read: "01-basics/README.md#queue",
	})
	second := string(s.lab.Get(queue).Body)
	s.lab.Check(second == "the test's own message", lab.Claim{
		Saw:  fmt.Sprintf("one message was sent, and a second one came out: %q", second),
		Want: "the message once",
		Why:  "stock is reserved twice for one order",
		Read: "01-basics/README.md#queue",
	})
}

func TestMessageIsText(t *testing.T) {
	s := newStage(t)

	s.mustSend(queue, message)

	for _, publish := range s.sent("basic.publish") {
		contentType := ""
		if given := publish.Header.Properties.ContentType; given != nil {
			contentType = *given
		}
		kind, _, _ := mime.ParseMediaType(contentType)
		s.lab.Check(kind == "text/plain", lab.Claim{
			Saw:  fmt.Sprintf("the message says of itself: content type %q", contentType),
			Want: "content type text/plain",
			Why:  "whoever receives it, in whatever language, has to guess whether the bytes are text, JSON or a picture",
			Wire: s.lab.Wire(publish),
			Read: "01-basics/README.md#queue",
		})
	}
}

func TestQueueOutlivesBrokerAndSender(t *testing.T) {
	s := newStage(t)

	s.mustSend(queue, message)

	declares := 0
	for _, e := range s.sent("queue.declare") {
		d := e.Method.(*wire.QueueDeclare)
		if d.Passive || d.Queue != queue {
			continue // a question, or some other queue
		}
		declares++
		s.lab.Check(d.Durable && !d.Exclusive && !d.AutoDelete, lab.Claim{
			Saw: fmt.Sprintf("the queue was declared with durable=%t, exclusive=%t, auto-delete=%t",
				d.Durable, d.Exclusive, d.AutoDelete),
			Want: "durable=true, exclusive=false, auto-delete=false",
			Why: "a queue that is not durable is gone after a restart of the broker, with all orders in it; an exclusive one " +
				"goes with its connection; an auto-delete one with its last consumer",
			Wire: s.lab.Wire(e),
			Read: "01-basics/README.md#queue",
		})
	}
	s.lab.Check(declares > 0, lab.Claim{
		Saw:  "Send did not declare " + queue,
		Want: "Send makes the queue if it isn't there",
		Why:  "the first message after the move to a new broker is dropped",
		Read: "01-basics/README.md#queue",
	})
}

func TestConflictIsNamed(t *testing.T) {
	s := newStage(t)
	s.lab.Declare(queue, amqp.Table{"x-max-length": 10}) // somebody else wanted the queue to be short

	err := s.send(queue, message)

	claim := lab.Claim{
		Want: "an error that wraps RabbitMQ's *amqp.Error, with code 406",
		Why: "somebody searches all night, since the one sentence that says what is wrong (PRECONDITION_FAILED - " +
			"inequivalent arg 'x-max-length') was thrown away",
		Read: "01-basics/README.md#queue",
	}
	claim.Saw = "the queue is there with other properties, and Send returned nil"
	s.lab.Error(err, claim)
	var refused *amqp.Error
	named := errors.As(err, &refused) && refused.Code == amqp.PreconditionFailed
	claim.Saw = fmt.Sprintf("the queue is there with other properties, and Send's error doesn't say so: %v", err)
	if strings.Contains(err.Error(), "PRECONDITION_FAILED") {
		claim.Saw = fmt.Sprintf("Send's error has the text of RabbitMQ's, and doesn't wrap it: errors.As finds no "+
			"*amqp.Error in: %v", err)
		claim.Want = "an error that wraps RabbitMQ's *amqp.Error, with code 406: fmt.Errorf wraps with %w, not with %v"
		claim.Why = "the caller can't ask for the code, and has to guess from a text whether another try makes sense"
	}
	s.lab.Check(named, claim)
}

func TestNothingIsSentAfterCtxHasEnded(t *testing.T) {
	s := newStage(t)

	err := s.lab.Do("Send", func(ctx context.Context) error {
		ctx, cancel := context.WithCancel(ctx)
		cancel()
		return hello.Send(ctx, s.conn, queue, message)
	})

	claim := lab.Claim{
		Want: "ctx's error, and no message",
		Why:  "the customer has gone, the order was withdrawn, and stock is reserved for nobody",
		Read: "01-basics/README.md#queue",
	}
	publishes := s.sent("basic.publish")
	claim.Saw = fmt.Sprintf("ctx had ended, and Send sent %d message", len(publishes))
	s.lab.Check(len(publishes) == 0, claim)
	claim.Saw = fmt.Sprintf("ctx had ended, and Send returned: %v", err)
	s.lab.Check(errors.Is(err, context.Canceled), claim)
}

func TestNothingStaysOpen(t *testing.T) {
	s := newStage(t)

	s.mustSend(queue, message)

	s.nothingStaysOpen("Send returned nil")
}

func TestNothingStaysOpenAfterAnError(t *testing.T) {
	s := newStage(t)
	err := s.lab.Do("Send", func(ctx context.Context) error {
		ctx, cancel := context.WithCancel(ctx)
		cancel()
		return hello.Send(ctx, s.conn, queue, message)
	})
	s.nothingStaysOpen(fmt.Sprintf("Send returned %v", err))
}

func (s *stage) nothingStaysOpen(how string) {
	s.lab.Fence(s.conn)
	open := s.lab.OpenChannels(s.conn)
	s.lab.Check(open == 0, lab.Claim{
		Saw:  fmt.Sprintf("%s, and left open %d channel", how, open),
		Want: "who opens a channel closes it, whatever happens",
		Why:  "a connection has room for 2,047 channels: after as many messages the shop can send no more",
		Wire: s.lab.Wire(s.lab.Tap.Recording().Find(tap.Filter{From: tap.Client, Where: func(e tap.Event) bool {
			return e.Name() == "channel.open" || e.Name() == "channel.close"
		}})...),
		Read: "01-basics/README.md#channel",
	})
}

func TestConnectionStaysOpen(t *testing.T) {
	s := newStage(t)

	s.mustSend(queue, "stock.reserve order-7")

	s.connectionIsOpen()
	s.mustSend(queue, "stock.reserve order-8")
	s.mustSend("payment.commands", "payment.charge order-7")
	first, second := string(s.lab.Get(queue).Body), string(s.lab.Get(queue).Body)
	s.lab.Check(first == "stock.reserve order-7" && second == "stock.reserve order-8", lab.Claim{
		Saw:  fmt.Sprintf("order-7 and order-8 went in, %q and %q came out", first, second),
		Want: "a queue that is there already is used as it is, with what waits in it",
		Why:  "what waited in the queue is lost when the next message comes",
		Read: "01-basics/README.md#queue",
	})
	third := string(s.lab.Get("payment.commands").Body)
	s.lab.Check(third == "payment.charge order-7", lab.Claim{
		Saw: fmt.Sprintf("%q came out of payment.commands", third), Want: "payment.charge order-7, which was sent there",
	})
}
