// Package publisher publishes over as many connections as it takes, in order, and tells what became of each message. It
// declares nothing, and keeps nothing on disk: what it had taken when the process dies is for the outbox of 06.
package publisher

import (
	"context"
	"sync"

	amqp "github.com/rabbitmq/amqp091-go"

	"warren.example/03-durability/session"
)

// A Publisher publishes messages, whatever becomes of the connection. Set its fields before the first Publish. Its methods
// may be called by many goroutines at once.
//   - Messages are sent in the order in which Publish took them, up to Window of them without waiting for answers.
//   - Connection or channel is lost: the session is closed, and the next one begins with what has no answer, in its old
//     order and under its old ids. What Publish takes meanwhile comes behind. So RabbitMQ may get a message twice; by its
//     id a consumer can tell.
//   - What Wait was told about is not sent again.
//   - It goes on until Close: it tries the URLs in turn, over and over, and calls Pause before each try but the first. While
//     there is nothing to send it needs no connection: the next try may wait for the next message.
type Publisher struct {
	// URLs are the broker's nodes: "amqp://user:password@host:5672/vhost". At least one. Fields that session.Check
	// refuses: its error from Publish and Close, and nothing is taken.
	URLs []string
	// Window is how many messages may be taken and have no answer yet, at least 1.
	Window int
	// Pause waits before the next try. attempt is 1 the first time and after a session in which a message had its answer
	// (a no is one); otherwise it is one more than last time. An error gives up: messages without an answer are unknown
	// (*session.Unknown), and Publish and Close return the error, too. nil waits as session.Pause does.
	Pause func(ctx context.Context, attempt int) error

	// Given: how Publish and Close, which many call, talk to run, which has all the rest to itself.

	begin, end sync.Once
	taken      chan *session.Message   // from Publish to run
	last       chan struct{}           // closed by Close: nothing more is taken
	done       chan struct{}           // closed when run has ended
	cut        context.CancelCauseFunc // ends run's ctx
	err        error                   // why run gave up; for others when done is closed

	// TODO(03/5): what run must remember when a session is lost.
}

// Publish takes a message, and returns when it has: Wait tells what became of it. Body and Headers must not be changed
// until then.
//   - While Window messages are taken and have no answer it waits. Without a connection it may wait, too.
//   - ctx ends before the message is taken: return an error that wraps ctx's; the message is never sent. Afterwards ctx
//     has no say.
//   - A message without MessageId gets one of its own, for good.
//   - Wait returns nil when RabbitMQ has confirmed the message. What RabbitMQ says no to is told to its own Wait, and is
//     not sent again; the others go on. That is session.ErrRefused, session.ErrUnroutable, or the *amqp.Error of a message
//     that it will never take, for which session.IsRefusal holds: its exchange doesn't exist (404), and the like.
//   - A message that AMQP can't carry is refused at once, with the error of session.NewMessage.
//   - A connection is refused before there was any session (session.IsRefusal: a wrong password, no such virtual host):
//     nothing more is tried. Wait of all that was taken, Publish and Close return that error from now on. Once there was
//     a session, answered or not, a refused connection is tried again: one that breaks in its handshake looks the same.
//   - After Close has been called: an error.
func (p *Publisher) Publish(ctx context.Context, exchange, key string, m amqp.Publishing) (*session.Message, error) {
	p.begin.Do(p.start)
	// TODO(03/5): its id, once; session.NewMessage; into p.taken, unless ctx ends, p.last or p.done is closed.
	return nil, notDone
}

// Close takes no more messages, sends what is left, and returns nil when all have their answer.
//   - Calls of Publish that wait return an error.
//   - Without a connection it goes on trying, if there is anything left to send.
//   - ctx ends first: what has no answer is given up. That is a *session.Unknown, which says how many they are, and those
//     who Wait get one, too. None: nil.
//   - The publisher had given up: return its error.
//   - When Close has returned nothing is left, neither a connection nor a goroutine: also when it gave up, and when it is
//     called while another call of it still waits. Called again, it returns the same.
func (p *Publisher) Close(ctx context.Context) error {
	p.begin.Do(p.start)
	p.end.Do(func() { close(p.last) })
	// TODO(03/5): wait for p.done; if ctx ends first, p.cut, and wait all the same.
	return notDone
}

// start makes what Publish and Close need, and starts run.
//
//	Publish ──taken──▶ run: pending ──▶ session ──▶ broker
//	   Wait ◀──Tell──  run  ◀──answers── session ◀── broker
func (p *Publisher) start() {
	ctx, cut := context.WithCancelCause(context.Background())
	p.taken, p.last, p.done, p.cut = make(chan *session.Message), make(chan struct{}), make(chan struct{}), cut
	go func() {
		defer close(p.done)
		defer cut(nil)
		if p.err = session.Check(p.URLs, p.Window); p.err == nil {
			p.err = p.run(ctx)
		}
	}()
}

// run sends what is taken, over one session after another. It returns nil when all is answered and no more will come, or why
// it gave up; by then it has told all that are left.
func (p *Publisher) run(ctx context.Context) error {
	// TODO(03/5): sessions and pauses; in each session first what has no answer, then what comes.
	return notDone
}
