package workers_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"

	"warren.example/workshop/lab"
)

// A provider is the payment provider that the handles of these tests call. It can be slow, and it remembers who came.
type provider struct {
	lab  *lab.Lab
	over chan struct{} // closed when the test ends
	// slow names the orders whose charge waits until let is called for them; nil: none.
	slow func(order string) bool
	// fail names the orders whose charge fails the first time; nil: none.
	fail func(order string) bool

	mu       sync.Mutex // guards what follows
	began    []string   // orders in which a charge began, first first; one that came twice is there twice
	finished []string   // charges that ended, in that order
	broken   []string   // charges whose context ended before they were let go
	running  int
	most     int                      // the highest that running ever was
	gates    map[string]chan struct{} // closed: that order's charge may end
	open     bool                     // all gates are open
}

// newProvider gives a provider whose waiting charges are let go when the test ends.
func newProvider(t *testing.T, l *lab.Lab) *provider {
	p := &provider{lab: l, over: make(chan struct{}), gates: make(map[string]chan struct{})}
	t.Cleanup(func() {
		close(p.over)
		p.letAll()
	})
	return p
}

// everyone is a choice for slow and fail.
func everyone(string) bool { return true }

// only is a choice for slow and fail.
func only(orders ...string) func(string) bool {
	return func(order string) bool { return slices.Contains(orders, order) }
}

// charge is the handle that the tests give to Work.
func (p *provider) charge(ctx context.Context, d amqp.Delivery) error {
	order := string(d.Body)
	gate, again := p.begin(order)
	defer p.end(order)
	if order == "" { // no message at all: who handles those gets no end of them
		<-p.over
		return errors.New("charge: no order")
	}
	if p.slow != nil && p.slow(order) {
		select {
		case <-gate:
		case <-ctx.Done():
		}
	}
	if err := ctx.Err(); err != nil {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.broken = append(p.broken, order)
		return fmt.Errorf("charge %s: %w", order, err)
	}
	if p.fail != nil && p.fail(order) && !again {
		return fmt.Errorf("charge %s: the provider is away", order)
	}
	return nil
}

func (p *provider) begin(order string) (gate chan struct{}, again bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	again = slices.Contains(p.began, order)
	p.began = append(p.began, order)
	p.running++
	p.most = max(p.most, p.running)
	p.lab.Note("handle of %q begins", order)
	return p.gate(order), again
}

func (p *provider) end(order string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.running--
	p.finished = append(p.finished, order)
	p.lab.Note("handle of %q returns", order)
}

// gate returns the order's gate. The caller holds mu.
func (p *provider) gate(order string) chan struct{} {
	gate, ok := p.gates[order]
	if !ok {
		gate = make(chan struct{})
		p.gates[order] = gate
		if p.open {
			close(gate)
		}
	}
	return gate
}

// let lets the charges of these orders end, also those that come later.
func (p *provider) let(orders ...string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, order := range orders {
		p.letOne(order)
	}
}

// letAll lets all charges end, also those that come later.
func (p *provider) letAll() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for order := range p.gates {
		p.letOne(order)
	}
	p.open = true
}

// letOne opens the order's gate. The caller holds mu.
func (p *provider) letOne(order string) {
	gate := p.gate(order)
	select {
	case <-gate:
	default:
		close(gate)
	}
}

// A state is what a provider saw up to now.
type state struct {
	began, finished, broken []string
	running, most           int
}

func (p *provider) state() state {
	p.mu.Lock()
	defer p.mu.Unlock()
	return state{
		began: slices.Clone(p.began), finished: slices.Clone(p.finished), broken: slices.Clone(p.broken),
		running: p.running, most: p.most,
	}
}

// times returns how often a charge of the order began.
func (p *provider) times(order string) (n int) {
	for _, o := range p.state().began {
		if o == order {
			n++
		}
	}
	return n
}
