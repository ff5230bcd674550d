package partition_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"

	amqp "github.com/rabbitmq/amqp091-go"

	"warren.example/05-ordering/2-partition"
	"warren.example/workshop/lab"
)

var errWarehouse = errors.New("the warehouse is away")

// A desk is where the messages of all partitions are handled. It remembers who came.
type desk struct {
	lab  *lab.Lab
	over chan struct{} // closed when the test ends

	mu     sync.Mutex
	begun  []string                 // "a order-7.1": process a, first first
	ended  []string                 // the same
	broken []string                 // whose context ended while they ran
	held   map[string]chan struct{} // these handles wait until it is closed
	failed map[string]bool          // these fail
}

func newDesk(s *stage) *desk {
	d := &desk{lab: s.lab, over: make(chan struct{}), held: map[string]chan struct{}{}, failed: map[string]bool{}}
	s.cleanup(func() { close(d.over) })
	return d
}

// hold makes the handles of these messages wait until let.
func (d *desk) hold(bodies ...string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, body := range bodies {
		d.held[body] = make(chan struct{})
	}
}

func (d *desk) let(body string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	close(d.held[body])
}

// fail makes the handles of this message fail.
func (d *desk) fail(body string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.failed[body] = true
}

// work begins a call of Work, as a process of this name has it.
func (d *desk) work(name string, conn *amqp.Connection, n int) *lab.Call {
	return d.lab.Go("Work", func(ctx context.Context) error {
		return partition.Work(ctx, conn, n, func(ctx context.Context, m amqp.Delivery) error {
			return d.handle(ctx, name, string(m.Body))
		})
	})
}

func (d *desk) handle(ctx context.Context, name, body string) error {
	who := name + " " + body
	d.mu.Lock()
	d.begun = append(d.begun, who)
	d.lab.Note("%s begins %s", name, body)
	held, fails := d.held[body], d.failed[body]
	d.mu.Unlock()
	if held != nil {
		select {
		case <-held: // it doesn't heed ctx, as many don't
		case <-d.over:
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if ctx.Err() != nil {
		d.broken = append(d.broken, who)
	}
	d.lab.Note("%s ends %s", name, body)
	d.ended = append(d.ended, who)
	if fails {
		return errWarehouse
	}
	return nil
}

// hasBegun returns what begun has of messages whose body begins so, in its order: of "order-1." those of order 1. Who: of one
// process, empty: of all.
func (d *desk) hasBegun(who, of string) []string { return d.pick(&d.begun, who, of) }

func (d *desk) hasEnded(who, of string) []string { return d.pick(&d.ended, who, of) }

func (d *desk) pick(from *[]string, who, of string) (bodies []string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, entry := range *from {
		name, body, _ := strings.Cut(entry, " ")
		if (who == "" || who == name) && strings.HasPrefix(body, of) {
			bodies = append(bodies, body)
		}
	}
	return bodies
}

// brokenOff returns whose context ended while they ran.
func (d *desk) brokenOff() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.broken)
}
