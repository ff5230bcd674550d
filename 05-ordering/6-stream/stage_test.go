package stream_test

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"

	"warren.example/05-ordering/6-stream"
	"warren.example/05-ordering/database"
	"warren.example/workshop/lab"
	"warren.example/workshop/lab/sqltap"
	"warren.example/workshop/tap"
)

const (
	events  = "shop.events" // a topic exchange
	auditor = "auditor"     // a reader
	read    = "05-ordering/README.md#stream"
)

// effects is the table of what apply has done.
const effects = `CREATE TABLE effects (n INTEGER PRIMARY KEY, reader TEXT NOT NULL, id TEXT NOT NULL)`

// A stage is the shop's audit log with a database, and a connection for Follow and Replay.
//
//	shop.events ── # ──► shop.audit ──► Follow ──► apply ──► effects, readers
//	                                └─► Replay ──► fn
type stage struct {
	lab   *lab.Lab
	conn  *amqp.Connection
	path  string
	tap   *sqltap.Tap
	db    *sqltap.Program // the learner's
	other *sqltap.Program // the test's own
}

func newStage(t *testing.T) *stage {
	t.Helper()
	return newStageWith(t, nil)
}

// newStageWith gives the stream further arguments.
func newStageWith(t *testing.T, further amqp.Table) *stage {
	t.Helper()
	t.Parallel()
	s := &stage{lab: lab.New(t), path: filepath.Join(t.TempDir(), "audit.db")}
	s.conn = s.lab.Dial()
	s.tap = sqltap.New(database.Connector(s.path))
	t.Cleanup(s.tap.Close)
	s.db, s.other = s.tap.Open(), s.tap.Open()
	for _, query := range []string{stream.Schema, effects} {
		_, err := s.other.Exec(query)
		s.must(err)
	}
	args := amqp.Table{"x-queue-type": "stream"}
	for key, value := range further {
		args[key] = value
	}
	s.lab.Declare(stream.Log, args)
	ch := s.lab.Channel()
	s.must(ch.ExchangeDeclare(events, amqp.ExchangeTopic, true, false, false, false, nil))
	s.must(ch.QueueBind(stream.Log, "#", events, false, nil))
	return s
}

func (s *stage) must(err error) {
	if err != nil {
		s.lab.Failf("set up the stage: %v", err)
	}
}

// put publishes one order after another. RabbitMQ has stored each before the next comes.
func (s *stage) put(ids ...string) {
	for _, id := range ids {
		s.lab.Put(events, "order.paid", amqp.Publishing{MessageId: id, DeliveryMode: amqp.Persistent, Body: []byte(id)})
	}
}

// orders returns ids: order-1, order-2, …
func orders(from, until int) (ids []string) {
	for n := from; n <= until; n++ {
		ids = append(ids, fmt.Sprintf("order-%d", n))
	}
	return ids
}

// An apply is what Follow calls.
type apply = func(*sql.Tx, stream.Entry) error

// record is an apply: its effect is a row.
func record(reader string) apply {
	return func(tx *sql.Tx, e stream.Entry) error {
		_, err := tx.Exec("INSERT INTO effects (reader, id) VALUES (?, ?)", reader, e.ID)
		return err
	}
}

// follow starts Follow, whose effects are rows.
func (s *stage) follow(conn *amqp.Connection, db *sqltap.Program, reader string) *lab.Call {
	return s.followWith(conn, db, reader, record(reader))
}

func (s *stage) followWith(conn *amqp.Connection, db *sqltap.Program, reader string, apply apply) *lab.Call {
	return s.lab.Go("Follow", func(ctx context.Context) error { return stream.Follow(ctx, conn, db.DB, reader, apply) })
}

// effects returns the ids that are in the table for a reader, in the order in which they came.
func (s *stage) effects(reader string) []string {
	rows, err := s.other.Query("SELECT id FROM effects WHERE reader = ? ORDER BY n", reader)
	s.must(err)
	defer rows.Close()
	ids := []string{}
	for rows.Next() {
		var id string
		s.must(rows.Scan(&id))
		ids = append(ids, id)
	}
	s.must(rows.Err())
	return ids
}

// until waits until a reader has so many effects, its Follow has ended, or no more come. The deadline is for each effect, not for
// all: a slow machine may take its time.
func (s *stage) until(call *lab.Call, reader string, n int) {
	for had := -1; ; {
		has := len(s.effects(reader))
		if has >= n || has == had {
			return
		}
		had = has
		s.lab.Soon(func() bool { return len(s.effects(reader)) > had || !call.Running() })
	}
}

// has claims that a reader's effects are these, each once and in this order.
func (s *stage) has(reader, story string, want []string, c lab.Claim) {
	got := s.effects(reader)
	c.Saw = fmt.Sprintf("%s. %s has applied %s", story, reader, list(got))
	missing, twice := compare(got, want)
	if twice != "" {
		c.Saw += "; " + twice + " was applied twice"
	}
	if missing != "" {
		c.Saw += "; " + missing + " is missing"
	}
	switch {
	case missing != "":
		c.Why = "the audit log says that order-7 was paid, and the books of who reads it don't: for ever, for nobody reads it again"
	case twice != "":
		c.Why = "the books of who reads the log have more money than the shop"
	case len(got) > len(want):
		c.Saw += "; it has begun one more"
		c.Why = "who stops the service waits for entry after entry, and takes kill -9 in the end"
	default:
		c.Why = "what was paid and then refunded is refunded and then paid"
	}
	c.Want = fmt.Sprintf("%s, each once and in this order", list(want))
	c.Read = read
	if c.Wire == "" {
		c.Wire = s.story()
	}
	s.lab.Check(slices.Equal(got, want), c)
}

// compare names the first that is missing, and the first that is there more than once.
func compare(got, want []string) (missing, twice string) {
	count := map[string]int{}
	for _, id := range got {
		if count[id]++; count[id] == 2 && twice == "" {
			twice = id
		}
	}
	for _, id := range want {
		if count[id] == 0 && missing == "" {
			missing = id
		}
	}
	return missing, twice
}

// list shortens what is long: order-1, order-2 … order-250.
func list(ids []string) string {
	const most = 8
	if len(ids) > most {
		return fmt.Sprintf("%s … %s (%d)", strings.Join(ids[:2], ", "), ids[len(ids)-1], len(ids))
	}
	return "[" + strings.Join(ids, ", ") + "]"
}

// stop stops Follow, and claims that this is no failure.
func (s *stage) stop(call *lab.Call, story string) {
	call.Stop()
	err := call.WaitOr(lab.Claim{
		Saw:  story + ". Then its ctx ended, and Follow does not return",
		Want: "it finishes what it has begun, and returns nil: the next entry may come in an hour",
		Why:  "each deployment waits for the deadline, and then kills it",
		Wire: s.story(),
		Read: read,
	})
	s.lab.NoError(err, lab.Claim{
		Saw:  fmt.Sprintf("%s. Then its ctx ended, and Follow returned: %v", story, err),
		Want: "nil: it was asked to stop",
		Why:  "each deployment looks like a failure, and soon nobody looks at failures any more",
		Wire: s.story(),
		Read: read,
	})
	s.nothingOpen(s.conn, story+". Then its ctx ended")
}

// nothingOpen claims that there is no channel on a connection any more, and the connection is as it was.
func (s *stage) nothingOpen(conn *amqp.Connection, story string) {
	if !conn.IsClosed() {
		s.lab.Fence(conn) // RabbitMQ may have closed a channel, and the answer to that is still under way
	}
	s.lab.Check(!conn.IsClosed() && s.lab.OpenChannels(conn) == 0, lab.Claim{
		Saw: fmt.Sprintf("%s. Connection closed: %v, channels that are open on it: %d", story, conn.IsClosed(),
			s.lab.OpenChannels(conn)),
		Want: "the connection as it was, and no channel",
		Why:  "after 2,047 times nothing works any more on this connection",
		Wire: s.story(),
		Read: read,
	})
}

// caughtUp lets a reader follow on a new connection, as a program that was started again, until it has so many effects.
func (s *stage) caughtUp(reader, story string, n int) {
	conn := s.lab.Dial()
	call := s.follow(conn, s.tap.Open(), reader)
	s.until(call, reader, n)
	s.lab.Settle() // what would be applied once more comes now
	s.stop(call, story+". It was started again")
}

// story is what went over the wire about the stream.
func (s *stage) story() string {
	found := s.lab.Tap.Recording().Find(tap.Filter{Where: func(e tap.Event) bool {
		switch e.Name() {
		case "basic.consume", "basic.deliver", "basic.ack", "basic.nack", "basic.reject", "basic.cancel", "note", "disconnect":
			return true
		case "channel.close", "connection.close":
			return e.From == tap.Broker
		}
		return false
	}})
	return s.lab.Wire(found[max(0, len(found)-8):]...)
}

// steps is what a program did with its database, the latest.
func steps(db *sqltap.Program) string {
	all := db.Steps()
	return "database: " + strings.Join(all[max(0, len(all)-8):], " · ")
}
