// Command log writes events of orders into a stream, and lets several readers read it: from its beginning, from where one was
// stopped, from now on, and some of it once more. It prints which entries each one gets. Nobody's reading takes anything away.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"warren.example/05-ordering/demo/stage"
)

const (
	stream   = "demo.log"
	prefetch = 10
	patience = 30 * time.Second // for an entry that must come
)

func main() {
	flag.Usage = func() {
		fmt.Fprintln(os.Stderr, "log writes six entries into a stream, and shows what readers get who begin in different places. It has no flags.")
	}
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "log:", err)
		os.Exit(1)
	}
}

// run writes and reads, and prints a line for each reader.
func run(ctx context.Context, stdout io.Writer) (err error) {
	s, err := stage.Open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	if err := s.Declare(stream, amqp.Table{"x-queue-type": "stream"}); err != nil {
		return err
	}
	if err := write(ctx, s, 6); err != nil {
		return err
	}
	fmt.Fprintf(stdout, "%s: a stream with the entries 0 to 5\n", s.Name)
	fmt.Fprintf(stdout, "  %-8s %-9s %s\n", "reader", "asks for", "gets")

	for _, r := range []struct {
		reader string
		from   any // an offset
		to     int64
		remark string
	}{
		{"audit", "first", 2, "and is stopped"},
		{"figures", "first", 5, "what audit has read is still there"},
		{"audit", int64(3), 5, "it had stored where to go on"},
		{"replay", int64(1), 3, "once more, as often as you like"},
		{"screen", "last", 5, "from the last chunk: that may be more than the last entry"},
	} {
		got, err := readFrom(ctx, s, r.from, r.to)
		if err != nil {
			return fmt.Errorf("%s: %w", r.reader, err)
		}
		fmt.Fprintf(stdout, "  %-8s %-9v %-12s %s\n", r.reader, r.from, got, r.remark)
	}

	mail, err := open(s, "next")
	if err != nil {
		return err
	}
	if err := write(ctx, s, 1); err != nil {
		return err
	}
	got, err := mail.read(ctx, 6)
	if err != nil {
		return fmt.Errorf("mail: %w", err)
	}
	fmt.Fprintf(stdout, "  %-8s %-9s %-12s %s\n", "mail", "next", got, "what is written from now on, here 6")
	return nil
}

// write appends this many entries to the stream.
func write(ctx context.Context, s *stage.Stage, n int) error {
	messages := make([]stage.Message, n)
	for i := range messages {
		messages[i] = stage.Message{Key: stream, Body: "order-7"}
	}
	return s.Publish(ctx, "", messages...)
}

// A reader has a place in the stream, and a channel of its own.
type reader struct {
	ch      *amqp.Channel
	entries <-chan amqp.Delivery
}

// open begins to read at an offset: "first", "next", "last" or a number.
func open(s *stage.Stage, from any) (r reader, err error) {
	if r.ch, err = s.Channel(); err != nil {
		return r, err
	}
	if err := r.ch.Qos(prefetch, 0, false); err != nil { // a stream insists on it
		return r, fmt.Errorf("limit what is sent ahead: %w", err)
	}
	at := amqp.Table{"x-stream-offset": from}
	if r.entries, err = r.ch.Consume(stream, "", false, false, false, false, at); err != nil {
		return r, fmt.Errorf("read %q from %v: %w", stream, from, err)
	}
	return r, nil
}

// read reads up to an entry, and ends the reader. It returns the offsets that it got.
func (r reader) read(ctx context.Context, to int64) (string, error) {
	var got []string
	for offset := int64(-1); offset < to; {
		d, err := stage.Next(ctx, r.entries, patience)
		if err != nil {
			return "", err
		}
		offset, _ = d.Headers["x-stream-offset"].(int64)
		got = append(got, fmt.Sprint(offset))
		if err := d.Ack(false); err != nil { // it asks for more; the entry stays
			return "", fmt.Errorf("ack: %w", err)
		}
	}
	return strings.Join(got, " "), r.ch.Close()
}

func readFrom(ctx context.Context, s *stage.Stage, from any, to int64) (string, error) {
	r, err := open(s, from)
	if err != nil {
		return "", err
	}
	return r.read(ctx, to)
}
