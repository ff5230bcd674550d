// Package stream reads the shop's audit log: a RabbitMQ stream, a queue from which reading takes nothing away. So everybody can
// read it, from anywhere, as often as they like. It writes nothing there: everybody who publishes to shop.events does.
package stream

import (
	"context"
	"database/sql"
	"fmt"

	amqp "github.com/rabbitmq/amqp091-go"
)

// Log is the name of the stream.
const Log = "shop.audit"

// Schema makes the table in which readers have their places. The caller executes it at each start.
const Schema = `
CREATE TABLE IF NOT EXISTS readers (
	reader TEXT    NOT NULL PRIMARY KEY,
	place  INTEGER NOT NULL -- the Offset of the last entry whose effect is in this database
)`

// An Offset is the number of an entry. Later entries have higher ones, but not always the next: RabbitMQ writes notes of its own
// into a stream. They use up numbers, and nobody gets to see them.
type Offset int64

// An Entry is a message of Log.
type Entry struct {
	Offset Offset // RabbitMQ delivers it as the header x-stream-offset, an int64
	Key    string // its routing key, such as "order.paid"
	ID     string // its MessageId
	Body   []byte
}

// A GoneError says that an entry is in Log no more: it is too old. Entries after it may be gone too.
type GoneError struct {
	Offset Offset // of the entry
	First  Offset // of the first entry that is there
}

// Error names both.
func (e *GoneError) Error() string {
	return fmt.Sprintf("%s: entry %d is gone, the first is %d", Log, e.Offset, e.First)
}

// Declare makes Log: a durable stream, in which entries stay for a year (x-max-age "1Y"), however many there are.
//   - It is there already: nothing happens to it. Each start of a service calls Declare.
//   - It is there and differs: an error that wraps RabbitMQ's *amqp.Error (406).
//   - Channel or connection lost: an error.
func Declare(ch *amqp.Channel) error {
	// TODO(05/6): declare the stream.
	return notDone
}

// Follow calls apply for each entry of Log, one after another, from where reader stopped, until ctx ends.
//   - apply writes into db with its tx, and leaves commit and rollback to Follow. Each entry has a transaction of its own, with
//     which reader's place is stored in readers. It is committed before the next entry begins.
//   - So the effect of each entry is in db once, in the order of Log, wherever the process dies. Also when two processes follow as
//     the same reader: for an entry that the other has done, apply isn't called.
//   - Each reader has a place of its own. RabbitMQ sends nothing again that is before it. A reader that has none begins with the
//     first entry that is there.
//   - apply returns an error: nothing of that entry stays in db. Follow returns the error, wrapped, also when ctx has ended
//     meanwhile. It doesn't try again: the next Follow begins with this entry.
//   - ctx ends: begin no further entry, finish and commit the one that apply has begun, return nil. That is no failure, whether
//     there are entries left or not.
//   - The entry at reader's place is gone: apply isn't called, return a *GoneError (errors.As). A human decides: who deletes
//     reader's row has it begin with the first entry that is there. (What is deleted while Follow runs, it can't notice.)
//   - Connection, channel or Log lost, or never there, or db fails: return an error. Reconnecting is 01/5.
//   - It has a channel of its own on conn, with a prefetch of 10 to 100, which is closed whenever Follow returns. conn and db
//     stay open. It declares nothing.
func Follow(ctx context.Context, conn *amqp.Connection, db *sql.DB, reader string, apply func(*sql.Tx, Entry) error) error {
	// TODO(05/6): read from reader's place on. Apply each entry and move the place, in one transaction.
	return notDone
}

// Replay calls fn for the entries of Log from one offset to another, both included, one after another, as they come. It needs no
// database, and moves no reader's place.
//   - from is the Offset of an entry; 0 is the first there ever was. It is gone: fn isn't called, return a *GoneError, also when
//     all entries up to until are gone. Who is content with what is left begins again with its First.
//   - It ends by itself: nil when fn has had the entry at until, or when an entry behind until comes, which fn doesn't get.
//   - until isn't there yet: Replay waits for it. (RabbitMQ doesn't say over AMQP 0-9-1 where a stream ends. The caller knows an
//     entry's Offset: the place of a reader, say.)
//   - from is below 0, or until below from: an error at once.
//   - fn returns an error: return it, wrapped, and call fn no more.
//   - ctx ends before: call fn no more, return an error that wraps ctx's. A part is not the whole.
//   - Connection, channel or Log lost, or never there: return an error.
//   - RabbitMQ sends nothing that is before from. It has a channel of its own as Follow has. It declares nothing.
func Replay(ctx context.Context, conn *amqp.Connection, from, until Offset, fn func(Entry) error) error {
	// TODO(05/6): read from one offset to the other.
	return notDone
}
