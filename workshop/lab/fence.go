package lab

import (
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"warren.example/workshop/tap"
)

// Fence returns when all that was written on a connection of Dial before is in the recording: it asks the broker for
// an answer, which comes after everything that was sent earlier. On a connection that is gone it does nothing. Its
// own events are in the recording, on a channel of their own; Wire leaves them out.
func (l *Lab) Fence(conn *amqp.Connection) {
	l.t.Helper()
	l.look()
	answered := make(chan struct{})
	go func() {
		defer close(answered)
		ch, err := conn.Channel()
		if err != nil {
			return // the connection is gone: nothing more comes
		}
		_ = ch.Flow(true) // says nothing new, and marks the channel as a fence's
		_ = ch.Close()
	}()
	select {
	case <-answered:
	case <-time.After(l.Patience(defaultDeadline)):
		l.Failf("lab: fence: the broker has not answered within %s", l.Patience(defaultDeadline))
	}
}

// fences returns the numbers of the events that belong to fences: all from opening to closing of a channel on which
// the client sent channel.flow, which nobody else does.
func fences(events []tap.Event) map[int]bool {
	type life struct {
		seqs    []int
		isFence bool
	}
	open := make(map[channelID]*life)
	all := make(map[int]bool)
	for _, e := range events {
		id := channelID{e.Conn, e.Channel}
		if e.Name() == "channel.open" {
			open[id] = &life{}
		}
		of := open[id]
		if of == nil {
			continue
		}
		of.seqs = append(of.seqs, e.Seq)
		of.isFence = of.isFence || e.Name() == "channel.flow" && e.From == tap.Client
		if of.isFence {
			for _, seq := range of.seqs {
				all[seq] = true
			}
			of.seqs = nil
		}
		if e.Name() == "channel.close-ok" {
			delete(open, id)
		}
	}
	return all
}
