package single_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"

	"warren.example/05-ordering/1-single"
	"warren.example/workshop/lab"
	"warren.example/workshop/tap"
)

const (
	queue = "order.saga" // the steps of the sagas, each of which builds on the one before
	ahead = 10           // the prefetch of the contract
	many  = 15           // more steps than are sent ahead

	about = "05-ordering/README.md#single"
)

// What a handle of these tests can end with.
var (
	errStep   = errors.New("the database is away")
	errBroken = fmt.Errorf("the bank doesn't answer: %w", context.Canceled) // the handle gave up a call of its own
	errPanic  = errors.New("make the handle panic")                         // told to a handle, it panics
)

// onBoth runs a test with a queue of each kind.
func onBoth(t *testing.T, test func(t *testing.T, kind string)) {
	t.Parallel()
	for _, kind := range []string{"classic", "quorum"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			test(t, kind)
		})
	}
}

// A stage is a queue that Declare made, and the processes that call Run.
type stage struct {
	lab       *lab.Lab
	processes []*process

	// The handle of these tests does nothing by itself: it reports that it runs, and ends as the test tells it.
	//
	//	Run ── handle ──► begun ──► test
	//	    ◄─ error ───  job.end ◄──
	begun chan job
	over  chan struct{} // closed when the test ends: handles that still run return
}

// A process is a call of Run with a connection of its own.
type process struct {
	name string // "A"
	conn *amqp.Connection
	id   int // of the connection, for the tap
	call *lab.Call
}

// A job is one message in the hands of a handle.
type job struct {
	amqp.Delivery
	by  *process
	ctx context.Context // what the handle was given
	end chan error      // what it is to return
	seq int             // of the note that it begins
}

// step is the message's body: "step-7".
func (j job) step() string { return string(j.Body) }

// newStage has a queue declared, and puts step-1 … step-n into it.
func newStage(t *testing.T, kind string, n int) *stage {
	t.Helper()
	s := &stage{lab: lab.New(t), begun: make(chan job, 1000), over: make(chan struct{})}
	t.Cleanup(func() { close(s.over) })
	s.lab.NoError(s.declare(queue, kind), lab.Claim{Want: "Declare returns nil: nothing stands in its way", Read: about})
	s.lab.Check(s.lab.Exists(queue), lab.Claim{
		Saw: fmt.Sprintf("Declare returned nil, and there is no queue %q", queue), Want: "the queue", Read: about,
	})
	s.lab.Publish(queue, steps(1, n)...)
	return s
}

func (s *stage) declare(queue, kind string) error {
	ch := s.lab.Channel()
	return s.lab.Do("Declare", func(context.Context) error { return single.Declare(ch, queue, kind) })
}

// steps returns step-from … step-to.
func steps(from, to int) (all []string) {
	for i := from; i <= to; i++ {
		all = append(all, fmt.Sprintf("step-%d", i))
	}
	return all
}

// start starts a process, and waits until RabbitMQ knows that it wants messages.
func (s *stage) start(name string) *process {
	p := s.connect(name)
	s.again(p)
	return p
}

// again calls Run, and waits until RabbitMQ knows that it wants messages.
func (s *stage) again(p *process) {
	consuming := tap.Filter{From: tap.Broker, Conn: p.id, Method: "basic.consume-ok"}
	before := s.lab.Tap.Recording().Count(consuming)
	s.run(p)
	there := s.lab.Soon(func() bool { return s.lab.Tap.Recording().Count(consuming) > before || !p.call.Running() })
	claim := lab.Claim{
		Saw:  fmt.Sprintf("process %s called Run, and has asked RabbitMQ for no messages yet", p.name),
		Want: "it consumes, and stands by until RabbitMQ makes it the active one",
		Why:  "the active process dies at night, and nobody takes over",
		Wire: s.story(),
		Read: about,
	}
	if !p.call.Running() {
		claim.Saw = fmt.Sprintf("process %s called Run, which returned: %v", p.name, p.call.Wait())
	}
	s.lab.Check(there && p.call.Running(), claim)
}

// connect makes a process that does nothing yet.
func (s *stage) connect(name string) *process {
	p := &process{name: name, conn: s.lab.Dial()}
	label, _ := p.conn.Config.Properties["connection_name"].(string)
	for _, c := range s.lab.Tap.Connections() {
		if c.Name == label {
			p.id = c.ID
		}
	}
	s.processes = append(s.processes, p)
	return p
}

// run starts Run. A panic of a handle that comes through it ends Run, as it would end the process.
func (s *stage) run(p *process) {
	p.call = s.lab.Go("Run of process "+p.name, func(ctx context.Context) (err error) {
		defer func() {
			if r := recover(); r != nil {
				s.lab.Note("the panic ends process %s", p.name)
				err = fmt.Errorf("the process died of: %v", r)
			}
		}()
		return single.Run(ctx, p.conn, queue, func(ctx context.Context, d amqp.Delivery) error { return s.handle(ctx, p, d) })
	})
}

func (s *stage) handle(ctx context.Context, p *process, d amqp.Delivery) error {
	j := job{Delivery: d, by: p, ctx: ctx, end: make(chan error, 1)}
	j.seq = s.lab.Note("%s begins %s", p.name, j.step()).Seq
	var err error
	select {
	case s.begun <- j:
	case <-s.over:
		return errStep
	}
	select {
	case err = <-j.end:
	case <-s.over:
		return errStep
	}
	switch err {
	case nil:
		s.lab.Note("%s has done %s", p.name, j.step())
	case errPanic:
		s.lab.Note("%s panics in %s", p.name, j.step())
		panic("the handle of " + j.step() + " panics, in the goroutine that calls it")
	default:
		s.lab.Note("%s fails in %s", p.name, j.step())
	}
	return err
}

// next waits until a handle begins. It claims that this is step n, and by the process (nil: any).
func (s *stage) next(n int, by *process, after string) job {
	var j job
	s.lab.Soon(func() bool {
		select {
		case j = <-s.begun:
			return true
		default:
			return !slices.ContainsFunc(s.processes, func(p *process) bool { return p.call.Running() })
		}
	})
	want := fmt.Sprintf("step-%d is next", n)
	if by != nil {
		want += ", in process " + by.name
	}
	claim := lab.Claim{
		Saw:  after + ", and no process begins anything",
		Want: want,
		Why:  "the sagas stand still, and all processes look healthy: RabbitMQ has an active consumer, as long as its channel is open",
		Wire: s.story(),
		Read: about,
	}
	for _, p := range s.processes {
		if !p.call.Running() {
			claim.Saw += fmt.Sprintf("; Run of process %s has returned: %v", p.name, p.call.Wait())
		}
	}
	s.lab.Check(j.by != nil, claim)
	claim.Wire = s.story()
	claim.Saw = fmt.Sprintf("%s; then process %s began %s, out of turn", after, j.by.name, j.step())
	claim.Why = "the card is charged for goods that nobody has reserved yet"
	s.lab.Check(j.step() == steps(n, n)[0] && (by == nil || by == j.by), claim)
	return j
}

// nobody claims that no handle has begun.
func (s *stage) nobody(saw string) {
	select {
	case j := <-s.begun:
		s.lab.Fail(lab.Claim{
			Saw:  fmt.Sprintf("%s; and process %s began %s, out of turn", saw, j.by.name, j.step()),
			Want: "one handle at a time, over all processes, and none out of its turn",
			Why:  "the card is charged while the goods are still being reserved; they are sold out, and the money goes back",
			Wire: s.story(),
			Read: about,
		})
	default:
	}
}

// done ends a handle with nil, and waits until RabbitMQ has got the ack.
func (s *stage) done(j job) {
	j.end <- nil
	acks := tap.Filter{From: tap.Client, Conn: j.by.id, Where: func(e tap.Event) bool {
		return e.Seq > j.seq && tap.Answers(j.DeliveryTag)(e)
	}}
	acked := s.lab.Soon(func() bool { return s.lab.Tap.Recording().Count(acks) > 0 })
	s.lab.Check(acked, lab.Claim{
		Saw:  fmt.Sprintf("%s was done, and RabbitMQ got no ack for it", j.step()),
		Want: "an ack, before the next begins",
		Why:  "whoever takes over does again what was done, all of it",
		Wire: s.story(),
		Read: about,
	})
	s.lab.Fence(j.by.conn) // RabbitMQ has handled it
}

// rest claims that step-n and those after it are handled in their order, by one process (nil: any).
func (s *stage) rest(from, to int, by *process, after string) {
	for n := from; n <= to; n++ {
		s.done(s.next(n, by, after))
		after = fmt.Sprintf("step-%d was done", n)
	}
}

// returned waits for the end of Run, which has no reason to wait.
func (s *stage) returned(p *process, when string) error {
	return p.call.WaitOr(lab.Claim{
		Saw:  fmt.Sprintf("%s, and Run of process %s has not returned", when, p.name),
		Want: "Run returns",
		Why:  "as long as it hangs its channel is open, and no other process takes over",
		Wire: s.story(),
		Read: about,
	})
}

// stopped claims that Run returns nil after Stop, and leaves nothing open.
func (s *stage) stopped(p *process) {
	p.call.Stop()
	s.lab.NoError(s.returned(p, "ctx ended, no handle runs here"), lab.Claim{
		Want: "nil: stopping is no error",
		Why:  "each deployment is logged as a failure, and the failures that matter drown among them",
		Wire: s.story(),
		Read: about,
	})
	s.closed(p, "Run returned nil")
}

// closed claims that the channel of a process is closed, and its connection open.
func (s *stage) closed(p *process, when string) {
	s.lab.Check(!p.conn.IsClosed(), lab.Claim{
		Saw:  when + ", and the caller's connection is closed",
		Want: "conn stays open: it is the caller's",
		Why:  "whatever else the caller does on it fails, far from here",
		Read: about,
	})
	s.lab.Fence(p.conn)
	n := s.lab.OpenChannels(p.conn)
	s.lab.Check(n == 0, lab.Claim{
		Saw:  fmt.Sprintf("%s; channels that it left open: %d", when, n),
		Want: "none: only when the channel is closed does another process take over",
		Why:  "a saga stands still, and all processes look healthy",
		Wire: s.story(),
		Read: about,
	})
}

// quiet waits until whoever was going to act at once has done so: all functions have come to rest, all that they wrote has been
// answered, and meanwhile nothing was said.
func (s *stage) quiet() {
	said := tap.Filter{Where: func(e tap.Event) bool { return strings.HasPrefix(e.Name(), "basic.") }}
	s.lab.Soon(func() bool {
		before := s.lab.Tap.Recording().Count(said)
		s.lab.Settle()
		for _, p := range s.processes {
			s.lab.Fence(p.conn)
		}
		s.lab.Settle()
		return s.lab.Tap.Recording().Count(said) == before
	})
}

// story is the end of the recording, as far as it tells of steps that were begun: delivered, handled, answered, and how it ended.
func (s *stage) story() string {
	begun := map[string]bool{}
	for _, e := range s.lab.Tap.Recording().Find(tap.Filter{Method: "note"}) {
		if _, step, ok := strings.Cut(e.Text, " begins "); ok {
			begun[step] = true
		}
	}
	events := s.lab.Tap.Recording().Find(tap.Filter{Where: func(e tap.Event) bool {
		switch e.Name() {
		case "basic.deliver":
			return begun[string(e.Body)]
		case "note", "basic.cancel", "disconnect":
			return true
		case "channel.close":
			return e.From == tap.Client
		}
		return e.From == tap.Client && e.Method != nil && tap.Answers(0)(e)
	}})
	return s.lab.Wire(events[max(0, len(events)-10):]...)
}
