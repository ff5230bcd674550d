package transcript

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"warren.example/workshop/minirabbit/transcript/client"
	"warren.example/workshop/minirabbit/transcript/notation"
	"warren.example/workshop/wire"
)

// The runner has a connection of its own, number 0, for the parts of a script that are not its idea.
const (
	putting = 1 // its channel for put, in confirm mode
	looking = 2 // its channel for drain and count
)

// interval is how often drain and count look again for what AMQP tells nobody about.
const interval = 5 * time.Millisecond

// put publishes and waits for the confirm: put exchange=x key=k body="…", with all fields of basic.publish and all
// properties. It writes "ack" or "nack", and what came before: a return, or the channel's end.
func (r *session) put(words []string) error {
	m, content, err := notation.Parse(append([]string{"basic.publish"}, words...))
	if err != nil {
		return err
	}
	c, err := r.use(0)
	if err != nil {
		return err
	}
	if !c.channel(putting).open {
		if err := r.open(c, putting); err != nil {
			return err
		}
		if err := c.Send(putting, &wire.ConfirmSelect{}, nil); err != nil {
			return err
		}
		r.answer(c, putting, []string{"confirm.select-ok"}, true)
	}
	if err := c.Send(putting, m, content); err != nil {
		return err
	}
	for {
		e, ok := c.Take(putting, r.deadline(), func(client.Event) bool { return true })
		if !ok {
			r.timeout("no confirm")
			return nil
		}
		text := r.seen(c, e)
		switch e.Method.(type) {
		case *wire.BasicAck:
			r.say("ack")
			return nil
		case *wire.BasicNack:
			r.say("nack")
			return nil
		case *wire.BasicReturn:
			r.say("%s", text)
		default:
			r.say("%s%s", place(c, e, putting), text)
			return nil
		}
	}
}

// drain takes messages out of a queue until it is empty and writes each: drain QUEUE [N] waits until N came.
func (r *session) drain(words []string) error {
	wanted, err := optional(words, 1)
	if err != nil {
		return err
	}
	deadline := r.deadline()
	for got := 0; ; {
		e, ok, err := r.look(&wire.BasicGet{Queue: words[0], NoAck: true})
		if err != nil || !ok {
			return err
		}
		switch m := e.Method.(type) {
		case *wire.BasicGetOk:
			got++
			again := ""
			if m.Redelivered {
				again = " redelivered"
			}
			text := notation.Format(&wire.BasicReturn{}, e.Content)
			_, text, _ = strings.Cut(text, ` key=""`)
			r.say("%s", r.names.text(fmt.Sprintf("message exchange=%q key=%q%s%s", m.Exchange, m.RoutingKey, again, text)))
		case *wire.BasicGetEmpty:
			if got >= wanted {
				r.say("empty")
				return nil
			}
			if time.Now().After(deadline) {
				r.timeout("%d of %d messages came", got, wanted)
				return nil
			}
			time.Sleep(interval)
		default:
			r.say("%s", r.names.event(e))
			return nil
		}
	}
}

// count writes how many messages are ready in a queue and how many consumers it has: count QUEUE [N [CONSUMERS]] waits
// until it is so many. It asks twice and believes the second answer: in RabbitMQ a queue answers such questions before it
// does what came earlier.
func (r *session) count(words []string) error {
	messages, err := optional(words, 1)
	if err != nil {
		return err
	}
	consumers, err := optional(words, 2)
	if err != nil {
		return err
	}
	deadline := r.deadline()
	for {
		question := &wire.QueueDeclare{Queue: words[0], Passive: true}
		e, ok, err := r.look(question)
		if _, is := e.Method.(*wire.QueueDeclareOk); is {
			e, ok, err = r.look(question)
		}
		if err != nil || !ok {
			return err
		}
		m, is := e.Method.(*wire.QueueDeclareOk)
		if !is {
			r.say("%s", r.names.event(e))
			return nil
		}
		right := (len(words) < 2 || int(m.MessageCount) == messages) && (len(words) < 3 || int(m.ConsumerCount) == consumers)
		if right || time.Now().After(deadline) {
			r.say("%d ready, %d consumers", m.MessageCount, m.ConsumerCount)
			r.result.TimedOut = !right
			return nil
		}
		time.Sleep(interval)
	}
}

// look asks something on the runner's own channel. ok is false at a timeout.
func (r *session) look(m wire.Method) (e client.Event, ok bool, err error) {
	c, err := r.use(0)
	if err != nil {
		return e, false, err
	}
	if err := r.open(c, looking); err != nil {
		return e, false, err
	}
	if err := c.Send(looking, m, nil); err != nil {
		return e, false, err
	}
	e, ok = c.Take(looking, r.deadline(), func(client.Event) bool { return true })
	if !ok {
		r.timeout("no answer")
		return e, false, nil
	}
	r.seen(c, e)
	return e, true, nil
}

// optional reads a word that may be missing as a number.
func optional(words []string, i int) (int, error) {
	if len(words) <= i {
		return 0, nil
	}
	return strconv.Atoi(words[i])
}
