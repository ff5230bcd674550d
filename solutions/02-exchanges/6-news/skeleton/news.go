// Package news brings the shop's news to the desks of its newsroom: recalls to all of them, offers by category. It only
// ever adds: no desk is taken away, and no queue is changed.
package news

import (
	"context"
	"errors"

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
//   - All of it is durable. Nothing is deleted, emptied or unbound.
//   - Calling it again changes nothing, adds desks and categories that are new, and finishes what an earlier call began.
//   - A desk's queue is there and differs (406): that desk is left alone, its queue neither changed nor bound; all other
//     desks are declared. The error names each desk left alone and no other, and wraps RabbitMQ's, which says what differs.
//   - An exchange is there and differs: an error that wraps RabbitMQ's. No desk is declared.
//   - Connection lost: an error. What was declared stays.
//   - ctx ends: nothing more is begun; an error that wraps ctx's.
//   - No channel is left open. conn is the caller's and stays open.
func Declare(ctx context.Context, conn *amqp.Connection, desks []Desk) error {
	// TODO(02/6): declare and bind the exchanges, then the queue of each desk.
	return notDone
}

// Publish sends a to shop.news, and waits for RabbitMQ's answer.
//   - nil means: the queues of all desks that it is for have it, one copy each, and keep it over a restart. A desk that
//     has several of its categories gets one copy, too.
//   - The key is "recall", or "offer.<category>". MessageId is the article's ID, the body its text, the content type
//     text/plain.
//   - No desk gets it: an error that wraps ErrNoDesk. One is enough.
//   - An offer without a category: an error, and nothing is sent.
//   - RabbitMQ refuses it, or the connection is lost before the answer: an error that doesn't wrap ErrNoDesk. Lost right
//     behind the ack: nil, or such an error.
//   - ctx ends before the answer: an error that wraps ctx's.
//   - No channel is left open. conn is the caller's and stays open.
func Publish(ctx context.Context, conn *amqp.Connection, a Article) error {
	// TODO(02/6): find its key, or keys; publish it, wait for the answer; did anybody get it?
	return notDone
}
