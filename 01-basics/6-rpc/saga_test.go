package rpc_test

import (
	"context"
	"fmt"
	"sync"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"

	"warren.example/01-basics/6-rpc"
	"warren.example/workshop/lab"
	"warren.example/workshop/tap"
)

const queue = "saga.commands"

// A scene is a client, and a service that the test plays itself: it takes requests from the queue and answers them when
// and in which order it likes.
type scene struct {
	lab    *lab.Lab
	conn   *amqp.Connection
	client *rpc.Client // nil: none, or it has been closed
	last   *question   // the last that was asked
}

// newScene gives a scene with a client. Its set-up's context ends right after the set-up, as it should be allowed to.
func newScene(t *testing.T) *scene {
	t.Helper()
	t.Parallel()
	s := newStage(t)
	s.connect()
	return s
}

// newStage gives a scene without a client.
func newStage(t *testing.T) *scene {
	t.Helper()
	l := lab.New(t)
	l.Declare(queue, nil)
	s := &scene{lab: l, conn: l.Dial()}
	t.Cleanup(func() {
		if s.client != nil && !t.Failed() {
			s.close()
		}
	})
	return s
}

// connect makes the client.
func (s *scene) connect() {
	var client *rpc.Client
	err := s.lab.Do("NewClient", func(ctx context.Context) (err error) {
		client, err = rpc.NewClient(ctx, s.conn)
		return err
	})
	s.lab.NoError(err, lab.Claim{
		Want: "a client that consumes its answers",
		Why:  "nobody can ask anything",
		Read: "01-basics/README.md#rpc",
	})
	s.client = client
}

// close closes the client.
func (s *scene) close() {
	client := s.client
	s.client = nil
	err := s.lab.Do("Close", func(context.Context) error { return client.Close() })
	s.lab.NoError(err, lab.Claim{Want: "Close returns nil"})
}

// A question is a call that waits for its answer.
type question struct {
	*lab.Call
	mu     sync.Mutex // guards what follows
	answer string
}

// ask calls the service.
func (s *scene) ask(request string) *question { return s.askBy(s.client, request) }

// askBy calls the service by a client.
func (s *scene) askBy(client *rpc.Client, request string) *question {
	q := &question{}
	s.last = q
	q.Call = s.lab.Go("Call", func(ctx context.Context) error {
		answer, err := client.Call(ctx, queue, []byte(request))
		q.mu.Lock()
		defer q.mu.Unlock()
		q.answer = string(answer)
		return err
	})
	return q
}

// request takes the next request from the service's queue.
func (s *scene) request() amqp.Delivery {
	s.mustCome(1)
	return s.lab.Get(queue)
}

// mustCome ends the test unless n requests come to the service's queue.
func (s *scene) mustCome(n int) {
	depth := 0
	s.lab.Soon(func() bool {
		running := s.last == nil || s.last.Running()
		depth = s.lab.Depth(queue)
		return depth >= n || !running
	})
	claim := lab.Claim{
		Saw:  fmt.Sprintf("no request has come to %s%s", queue, s.last.ended()),
		Want: "Call publishes its request to the queue, through the default exchange, and waits",
		Why:  "the service is not asked, and whoever asked hears nothing",
		Read: "01-basics/README.md#rpc",
	}
	if depth > 0 {
		claim.Saw = fmt.Sprintf("%d requests have come to %s, and not %d%s", depth, queue, n, s.last.ended())
	}
	s.lab.Check(depth >= n, s.orCancelled(claim))
}

// orCancelled returns the claim, or a better one if the client ended its own consumer.
func (s *scene) orCancelled(claim lab.Claim) lab.Claim {
	cancels := s.lab.Tap.Recording().Find(tap.Filter{From: tap.Client, Method: "basic.cancel"})
	if len(cancels) == 0 {
		return claim
	}
	return lab.Claim{
		Saw:  "the client has cancelled its own consumer (basic.cancel), and no answer can come any more" + s.last.ended(),
		Want: "the client consumes answers until Close: the context that NewClient is given limits the set-up only",
		Why:  "five seconds for the set-up, says the program; and after five seconds every call fails",
		Wire: s.lab.Wire(cancels...),
		Read: "01-basics/README.md#rpc",
	}
}

// requests takes n requests from the queue, by what they ask.
func (s *scene) requests(n int) map[string]amqp.Delivery {
	s.mustCome(n)
	ch := s.lab.Channel()
	all := make(map[string]amqp.Delivery)
	for range n {
		d, ok, err := ch.Get(queue, true)
		if !ok || err != nil {
			s.lab.Failf("get a request from %s: found %t, error %v", queue, ok, err)
		}
		all[string(d.Body)] = d
	}
	return all
}

// reply answers a request, as the service does.
func (s *scene) reply(request amqp.Delivery, answer string) {
	s.lab.Check(request.ReplyTo != "", lab.Claim{
		Saw:  fmt.Sprintf("the request %q says nothing about where its answer goes (reply-to)", request.Body),
		Want: "reply-to: amq.rabbitmq.reply-to",
		Why:  "the service can't answer",
		Read: "01-basics/README.md#rpc",
	})
	s.lab.Put("", request.ReplyTo, amqp.Publishing{CorrelationId: request.CorrelationId, Body: []byte(answer)})
}

// mustGet ends the test unless the call returns this answer. c says what went before, and what is wanted.
func (s *scene) mustGet(q *question, want string, c lab.Claim) {
	before := c.Saw
	c.Saw = before + "; Call still waits"
	err := q.WaitOr(c)
	c.Saw = fmt.Sprintf("%s; Call returned an error: %v", before, err)
	s.lab.Check(err == nil, c)
	c.Saw = fmt.Sprintf("%s; Call returned %q", before, q.got())
	s.lab.Check(q.got() == want, c)
}

// got returns the answer that the call returned.
func (q *question) got() string {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.answer
}

// ended says how a call ended: nothing while it runs.
func (q *question) ended() string {
	if q == nil || q.Running() {
		return ""
	}
	return fmt.Sprintf("; Call returned: %v", q.Wait())
}

// awhile lets all that was sent be read, and then all functions come to rest: whoever was going to act at once has done it.
func (s *scene) awhile() {
	s.trips()
	s.lab.Fence(s.conn)
	s.lab.Settle()
}

// trips lets several round trips to the broker go by.
func (s *scene) trips() {
	for range 5 {
		s.lab.Exists(queue)
	}
}
