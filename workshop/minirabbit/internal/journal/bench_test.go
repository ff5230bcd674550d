package journal_test

import (
	"testing"

	"warren.example/workshop/minirabbit/internal/journal"
)

// BenchmarkPublish publishes persistent messages of 256 bytes with up to 1,000 confirms outstanding, and acknowledges them.
func BenchmarkPublish(b *testing.B) {
	p := open(b, journal.Options{Folder: b.TempDir()})
	c := p.client(b)
	c.queue(b, "q")
	body := string(make([]byte, 256))
	n := uint64(0)
	b.ReportAllocs()
	for b.Loop() {
		n++
		c.publish(b, "q", body)
		if n > 1000 {
			c.answer(n - 1000)
			c.take(b, "q", 1)
			c.got, c.tags = c.got[:0], c.tags[:0]
		}
	}
	c.answer(n)
}
