package lab

import (
	"fmt"
	"sync"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

// A direct is the connection around the tap over which facts are asked. It is opened by the first question, and again
// by one that finds it gone: the test may have killed the broker in between.
type direct struct {
	url   string
	limit time.Duration // for one question

	mu   sync.Mutex // guards conn
	conn *amqp.Connection
}

// ask runs a question on a channel of its own: many answers cost the channel. A broker that is paused gives an error.
func (d *direct) ask(question func(ch *amqp.Channel) error) error {
	answer := make(chan error, 1)
	go func() { answer <- d.askOn(question) }()
	select {
	case err := <-answer:
		return err
	case <-time.After(d.limit):
		return fmt.Errorf("the broker has not answered within %s", d.limit)
	}
}

func (d *direct) askOn(question func(ch *amqp.Channel) error) error {
	conn, err := d.connection()
	if err != nil {
		return err
	}
	ch, err := conn.Channel()
	if err != nil {
		return err
	}
	defer ch.Close() // an error that closed the channel is the question's already
	return question(ch)
}

func (d *direct) connection() (*amqp.Connection, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.conn != nil && !d.conn.IsClosed() {
		return d.conn, nil
	}
	conn, err := dial(d.url, "lab's facts", d.limit)
	if err != nil {
		return nil, err
	}
	d.conn = conn
	return conn, nil
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
