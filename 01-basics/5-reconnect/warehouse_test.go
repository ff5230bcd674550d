package reconnect_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"

	"warren.example/01-basics/5-reconnect"
	"warren.example/workshop/lab"
)

const queue = "inventory.commands"

// A scene is an inventory that reserves stock for the orders in its queue, and a broker whose connections break.
type scene struct {
	lab      *lab.Lab
	t        *testing.T
	prefetch int
	url      string // where the consumer connects
	rest     rest

	mu       sync.Mutex // guards what follows
	began    []string   // orders whose handle began, first first; one that came twice is there twice
	reserved []string   // orders whose handle returned nil
	broken   []string   // orders whose context ended while the handle ran
	fail     string     // its handle returns an error the first time
	gates    map[string]chan struct{}
}

func newScene(t *testing.T) *scene {
	t.Helper()
	t.Parallel()
	s := &scene{lab: lab.New(t), t: t, prefetch: 1, gates: make(map[string]chan struct{})}
	s.url = s.lab.URL
	s.rest.begin()
	t.Cleanup(s.letAll)
	return s
}

// run starts a Consumer.
func (s *scene) run() *lab.Call {
	return s.lab.Go("Run", func(ctx context.Context) error {
		c := reconnect.Consumer{
			URL: s.url, Queue: queue, Prefetch: s.prefetch, Handle: s.reserve, Pause: s.rest.pause,
		}
		return c.Run(ctx)
	})
}

// hold makes the handles of these orders wait until let is called for them.
func (s *scene) hold(orders ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, order := range orders {
		s.gates[order] = make(chan struct{})
	}
}

// let lets the handle of an order that is held return. If the order comes again, its handle waits again.
func (s *scene) let(order string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	close(s.gates[order])
	s.gates[order] = make(chan struct{})
}

// letAll lets all handles return, also those that come later.
func (s *scene) letAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for order, gate := range s.gates {
		close(gate)
		delete(s.gates, order)
	}
}

// reserve is the Handle of the consumer.
func (s *scene) reserve(ctx context.Context, d amqp.Delivery) error {
	order := string(d.Body)
	gate, fails := s.begin(order)
	if gate != nil {
		select {
		case <-gate:
		case <-ctx.Done():
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := ctx.Err(); err != nil {
		s.broken = append(s.broken, order)
		return err
	}
	if fails {
		s.lab.Note("handle of %q returns an error", order)
		return errors.New("the shelf is locked")
	}
	s.reserved = append(s.reserved, order)
	s.lab.Note("handle of %q returns", order)
	return nil
}

func (s *scene) begin(order string) (gate chan struct{}, fails bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fails = order == s.fail && !slices.Contains(s.began, order)
	s.began = append(s.began, order)
	s.lab.Note("handle of %q begins", order)
	return s.gates[order], fails
}

// begun returns how often a handle of the order began.
func (s *scene) begun(order string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return count(s.began, order)
}

// done returns how often a handle of the order returned nil.
func (s *scene) done(order string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return count(s.reserved, order)
}

func count(orders []string, order string) (n int) {
	for _, o := range orders {
		if o == order {
			n++
		}
	}
	return n
}

// awhile lets several round trips to the broker go by, and then all functions come to rest: whoever was going to act at once
// has done it.
func (s *scene) awhile() {
	for range 5 {
		s.lab.Exists(queue)
	}
	s.lab.Settle()
}
