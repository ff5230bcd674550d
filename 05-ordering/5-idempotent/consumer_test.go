package idempotent_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"warren.example/05-ordering/5-idempotent"
)

// What stands around Apply in a service is given: this is the inventory, which reserves a teapot for each order.
//
//	queue ── message ──► consume ──► Apply ──► effect: one teapot less, one reservation more
//	      ◄─── ack ─────         ◄── nil

// consume takes the messages of a queue and acks those that are done, now or before. It ends with ctx, or with the first error.
// Then it has to be started again (01/5), and what has no ack comes again. What fails each time is for 04/3 and 04/4.
func consume(ctx context.Context, conn *amqp.Connection, queue string, db *sql.DB,
	effect func(idempotent.Message) idempotent.Effect) error {
	if err := idempotent.Setup(ctx, db); err != nil {
		return err
	}
	ch, err := conn.Channel()
	if err != nil {
		return err
	}
	defer ch.Close()
	if err := ch.Qos(10, 0, false); err != nil {
		return err
	}
	deliveries, err := ch.Consume(queue, "", false, false, false, false, nil)
	if err != nil {
		return err
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case d, ok := <-deliveries:
			if !ok {
				return errLost
			}
			m := idempotent.Message{ID: d.MessageId, Redelivered: d.Redelivered, Sent: d.Timestamp, Body: d.Body}
			if _, err := idempotent.Apply(ctx, db, m, time.Now(), effect(m)); err != nil {
				return err
			}
			if err := d.Ack(false); err != nil { // not before: who acks first and dies has lost it
				return err
			}
		}
	}
}

var (
	errLost    = errors.New("the channel is lost")
	errSoldOut = errors.New("there are no teapots left")
)

// reserve is what a message is to change: the stock, and the list of reservations. Its body is the order.
func reserve(m idempotent.Message) idempotent.Effect {
	return func(ctx context.Context, tx *sql.Tx) error {
		taken, err := tx.ExecContext(ctx, "UPDATE stock SET pieces = pieces - 1 WHERE pieces > 0")
		if err != nil {
			return fmt.Errorf("take a teapot: %w", err)
		}
		if n, err := taken.RowsAffected(); err != nil {
			return err
		} else if n == 0 {
			return errSoldOut
		}
		if _, err := tx.ExecContext(ctx, "INSERT INTO reservations (for_order) VALUES ($1)", string(m.Body)); err != nil {
			return fmt.Errorf("note the reservation: %w", err)
		}
		return nil
	}
}
