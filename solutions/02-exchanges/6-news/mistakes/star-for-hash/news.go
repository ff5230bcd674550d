// Binds shop.offers to shop.news with "offer.*". A star stands for one word, and "garden.tools" are two.
// In production offers of such categories reach nobody; those of other categories do, so nobody looks here.
//
// want TestOfferGoesToTheDesksOfItsCategory: "offer of garden.tools"

package news

import (
	"context"
	"errors"
	"fmt"

	amqp "github.com/rabbitmq/amqp091-go"
)

// The exchanges. All news is published on shop.news, which leads it on:
//
//	                  recall   ╭──────────────╮                  ╭────────────╮
//	              ┌───────────▶│ shop.recalls ├─────────────────▶│ news.<desk>│  each desk
//	╭───────────╮ │            ╰── fanout ────╯                  ╰────────────╯
//	│ shop.news ├─┤
//	╰── topic ──╯ │  offer.…   ╭──────────────╮ offer.<category> ╭────────────╮
//	              └───────────▶│ shop.offers  ├─────────────────▶│ news.<desk>│  the desks of a category
//	                           ╰── direct ────╯                  ╰────────────╯
const (
	Exchange = "shop.news"    // topic
	Recalls  = "shop.recalls" // fanout
	Offers   = "shop.offers"  // direct
)

// ErrNoDesk says that no desk gets an article.
var ErrNoDesk = errors.New("no desk wants this article")

// A Desk is a group of people who read news. Its queue is called "news.<Name>".
type Desk struct {
	Name       string
	Categories []string // it gets their offers; none: recalls only. A name may have dots: "garden.tools"
}

// An Article is a piece of news.
type Article struct {
	ID         string
	Text       string
	Recall     bool     // something is dangerous: all desks get it, whatever its categories
	Categories []string // otherwise it is an offer, for each desk that has one of them
}

// Declare makes sure that the exchanges and a queue for each desk are there and lead to each other, as drawn above.
func Declare(ctx context.Context, conn *amqp.Connection, desks []Desk) error {
	if err := declareAll(ctx, conn, exchanges()); err != nil {
		return fmt.Errorf("declare the news exchanges: %w", err)
	}
	var conflicts []error
	for _, d := range desks {
		// RabbitMQ closes the channel on which it meets a conflict: so each desk has one of its own.
		err := declareAll(ctx, conn, d.declarations())
		if err == nil {
			continue
		}
		conflicts = append(conflicts, fmt.Errorf("declare desk %q: %w", d.Name, err))
		var refused *amqp.Error
		if !errors.As(err, &refused) || refused.Code != amqp.PreconditionFailed {
			break // whatever it is, it is not about this desk alone
		}
	}
	return errors.Join(conflicts...)
}

// A declaration makes sure that one thing is there. It changes nothing if it is.
type declaration func(*amqp.Channel) error

// declareAll makes declarations in order, on a channel of their own, up to the first that fails.
func declareAll(ctx context.Context, conn *amqp.Connection, declarations []declaration) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	ch, err := conn.Channel()
	if err != nil {
		return fmt.Errorf("open a channel: %w", err)
	}
	defer ch.Close()
	for _, declare := range declarations {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := declare(ch); err != nil {
			return err
		}
	}
	return nil
}

func exchanges() []declaration {
	return []declaration{
		exchange(Exchange, amqp.ExchangeTopic),
		exchange(Recalls, amqp.ExchangeFanout),
		exchange(Offers, amqp.ExchangeDirect),
		func(ch *amqp.Channel) error {
			return ch.ExchangeBind(Recalls, "recall", Exchange, false, nil)
		},
		func(ch *amqp.Channel) error {
			return ch.ExchangeBind(Offers, "offer.*", Exchange, false, nil)
		},
	}
}

func exchange(name, kind string) declaration {
	return func(ch *amqp.Channel) error { return ch.ExchangeDeclare(name, kind, true, false, false, false, nil) }
}

func (d Desk) declarations() []declaration {
	queue := "news." + d.Name
	all := []declaration{
		func(ch *amqp.Channel) error {
			_, err := ch.QueueDeclare(queue, true, false, false, false, nil)
			return err
		},
		func(ch *amqp.Channel) error { return ch.QueueBind(queue, "", Recalls, false, nil) },
	}
	for _, c := range d.Categories {
		all = append(all, func(ch *amqp.Channel) error { return ch.QueueBind(queue, "offer."+c, Offers, false, nil) })
	}
	return all
}

// Publish sends a to shop.news, and waits for RabbitMQ's answer.
func Publish(ctx context.Context, conn *amqp.Connection, a Article) error {
	keys := a.keys()
	if len(keys) == 0 {
		return fmt.Errorf("publish article %q: an offer needs a category", a.ID)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	ch, err := conn.Channel()
	if err != nil {
		return fmt.Errorf("open a channel: %w", err)
	}
	defer ch.Close()
	if err := ch.Confirm(false); err != nil {
		return fmt.Errorf("select confirm mode: %w", err)
	}
	returns := ch.NotifyReturn(make(chan amqp.Return, 1)) // there is one message on this channel
	m := amqp.Publishing{
		MessageId:    a.ID,
		ContentType:  "text/plain",
		DeliveryMode: amqp.Persistent,
		Body:         []byte(a.Text),
	}
	var more []any
	for _, key := range keys[1:] {
		more = append(more, key)
	}
	// RabbitMQ routes by these keys too, and gives a queue one copy however many of them lead there.
	m.Headers = amqp.Table{"CC": more}
	const mandatory = true // give it back if no queue takes it
	confirmation, err := ch.PublishWithDeferredConfirmWithContext(ctx, Exchange, keys[0], mandatory, false, m)
	if err != nil {
		return fmt.Errorf("publish article %q: %w", a.ID, err)
	}
	acked, err := confirmation.WaitContext(ctx)
	if err != nil {
		return fmt.Errorf("wait for the confirm of article %q: %w", a.ID, err)
	}
	select { // a return comes before the ack
	case _, returned := <-returns:
		if returned {
			return fmt.Errorf("publish article %q: %w", a.ID, ErrNoDesk)
		}
	default:
	}
	if !acked { // a nack, or the channel ended without an answer
		return fmt.Errorf("publish article %q: not confirmed", a.ID)
	}
	return nil
}

// keys returns the routing keys of a; none: it has no category.
func (a Article) keys() []string {
	if a.Recall {
		return []string{"recall"}
	}
	var keys []string
	for _, c := range a.Categories {
		keys = append(keys, "offer."+c)
	}
	return keys
}
