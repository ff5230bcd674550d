package queue_test

import (
	"fmt"
	"testing"
	"time"

	"warren.example/workshop/minirabbit/internal/message"
	"warren.example/workshop/minirabbit/internal/queue"
	"warren.example/workshop/minirabbit/internal/version"
	"warren.example/workshop/wire"
)

// bench returns a queue with so many ready messages.
func bench(b *testing.B, kind queue.Kind, length int) (*queue.Queue, *message.Message, time.Time) {
	b.Helper()
	s, err := queue.ParseArguments(version.V40, "/", &wire.QueueDeclare{
		Queue: "q", Durable: true, Arguments: wire.Table{{Name: "x-queue-type", Value: wire.String(kind.String())}},
	})
	if err != nil {
		b.Fatal(err)
	}
	now := time.Unix(1_800_000_000, 0)
	q := queue.New(version.V40, s, now)
	m := &message.Message{Body: make([]byte, 100)}
	for range length {
		q.Publish(now, m, "publisher")
	}
	return q, m, now
}

func lengths(b *testing.B, kinds []queue.Kind, f func(b *testing.B, k queue.Kind, length int)) {
	for _, k := range kinds {
		for _, n := range []int{1_000, 100_000} {
			b.Run(fmt.Sprintf("%s/%d", k, n), func(b *testing.B) { f(b, k, n) })
		}
	}
}

var all = []queue.Kind{queue.Classic, queue.Quorum, queue.Stream}

// The costs per message must not depend on how long the queue is.
func BenchmarkPublishDeliverAck(b *testing.B) {
	lengths(b, all, func(b *testing.B, k queue.Kind, length int) {
		q, m, now := bench(b, k, length)
		c := &queue.Consumer{Prefetch: 10, Offset: queue.Offset{From: queue.FromFirst}}
		if err := q.AddConsumer(now, c); err != nil {
			b.Fatal(err)
		}
		b.ReportAllocs()
		for b.Loop() {
			q.Publish(now, m, "publisher")
			for {
				d, _, ok := q.Next(now)
				if !ok {
					break
				}
				if c.Unacked() == 10 {
					q.Ack(now, d.ID)
					break
				}
			}
		}
	})
}

func BenchmarkRequeue(b *testing.B) {
	lengths(b, both, func(b *testing.B, k queue.Kind, length int) {
		q, _, now := bench(b, k, 0)
		m := &message.Message{Body: make([]byte, 100)}
		ids := make([]queue.ID, 0, length)
		for range length {
			q.Publish(now, m, "publisher")
			e, _, _, _ := q.Get(now, false)
			ids = append(ids, e.ID)
		}
		q.Requeue(now, queue.Nacked, ids...)
		b.ReportAllocs()
		for b.Loop() {
			e, _, _, _ := q.Get(now, false)
			q.Requeue(now, queue.Nacked, e.ID)
			if q.Ready() < length { // a quorum queue gave up on one
				q.Publish(now, m, "publisher")
			}
		}
	})
}

func BenchmarkTurns(b *testing.B) {
	for _, n := range []int{1, 1_000} {
		b.Run(fmt.Sprint(n, " consumers"), func(b *testing.B) {
			q, m, now := bench(b, queue.Classic, 0)
			for range n {
				if err := q.AddConsumer(now, &queue.Consumer{Prefetch: 1}); err != nil {
					b.Fatal(err)
				}
			}
			for b.Loop() {
				q.Publish(now, m, "publisher")
				d, _, _ := q.Next(now)
				q.Next(now)
				q.Ack(now, d.ID)
			}
		})
	}
}
