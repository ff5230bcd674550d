package lab

import (
	"errors"
	"fmt"
	"sync"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

// A direct is the connection around the tap over which facts are asked. It is opened by the first question, and again
// by one that finds it gone: the test may have killed the broker in between.
type direct struct {
	urls  []string      // of the nodes: one that is dead is passed over
	limit time.Duration // for one question

	mu   sync.Mutex // guards conn
	conn *amqp.Connection
}

// ask runs a question on a channel of its own: many answers cost the channel. A broker that is paused gives an error.
func (d *direct) ask(question func(ch *amqp.Channel) error) error {
	answer := make(chan error, 1)
	until := time.Now().Add(d.limit)
	go func() {
		err := d.askOn(question)
		for d.electing(err) && time.Now().Before(until) {
			time.Sleep(electionPause)
			err = d.askOn(question)
		}
		answer <- err
	}()
	select {
	case err := <-answer:
		return err
	case <-time.After(d.limit):
		return fmt.Errorf("the broker has not answered within %s", d.limit)
	}
}

// electionPause is how long a question waits before it is asked again.
const electionPause = 50 * time.Millisecond

// electing reports whether an answer may mean that a queue has no leader: a node has died, and those that live choose another.
func (d *direct) electing(err error) bool {
	var answer *amqp.Error
	return len(d.urls) > 1 && errors.As(err, &answer) && answer.Code == amqp.InternalError
}

func (d *direct) askOn(question func(ch *amqp.Channel) error) error {
	ch, err := d.channel()
	if err != nil {
		return err
	}
	defer ch.Close() // an error that closed the channel is the question's already
	return question(ch)
}

// channel opens a channel. To open one takes an answer, so a connection that is lost, and didn't know it yet, shows here: then
// there is a second try on a new one. The question itself is asked once, since it may publish.
func (d *direct) channel() (*amqp.Channel, error) {
	conn, err := d.connection()
	if err != nil {
		return nil, err
	}
	if ch, err := conn.Channel(); err == nil {
		return ch, nil
	}
	d.forget(conn)
	if conn, err = d.connection(); err != nil {
		return nil, err
	}
	return conn.Channel()
}

// forget sees to it that a connection serves no more questions.
func (d *direct) forget(conn *amqp.Connection) {
	d.mu.Lock()
	if d.conn == conn {
		d.conn = nil
	}
	d.mu.Unlock()
	_ = conn.CloseDeadline(time.Now()) // it is lost
}

func (d *direct) connection() (*amqp.Connection, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.conn != nil && !d.conn.IsClosed() {
		return d.conn, nil
	}
	var failures []error
	for _, url := range d.urls {
		conn, err := dial(url, "lab's facts", d.limit)
		if err == nil {
			d.conn = conn
			return conn, nil
		}
		failures = append(failures, err)
	}
	return nil, errors.Join(failures...)
}

// close closes the connection, without a word if the broker doesn't answer.
func (d *direct) close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.conn != nil {
		_ = d.conn.CloseDeadline(time.Now().Add(time.Second))
	}
}

// dial connects under a name that shows in the recording and in the management UI.
func dial(address, name string, limit time.Duration) (*amqp.Connection, error) {
	properties := amqp.NewConnectionProperties()
	properties.SetClientConnectionName(name)
	return amqp.DialConfig(address, amqp.Config{
		Dial: amqp.DefaultDial(limit), Heartbeat: heartbeat, Locale: "en_US", Properties: properties,
	})
}
