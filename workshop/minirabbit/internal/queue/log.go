package queue

import (
	"math"
	"slices"
	"sort"
	"time"

	"warren.example/workshop/minirabbit/internal/message"
)

// log is the content of a stream: segments of messages, of which retention takes the oldest away as a whole
// (rabbitmq.com/docs/streams#retention).
type log struct {
	settings *Settings
	segments []*segment // the last one is written to; there is always one
	next     int64      // the offset of the next message
	count    int
	bodies   int64
	lastTime time.Time
}

type segment struct {
	first    int64 // offset
	messages []stored
	bytes    int64
	bodies   int64
}

type stored struct {
	message *message.Message
	at      time.Time
}

// overhead is about what a message takes in a segment beside its body: a chunk's header, properties, annotations.
const overhead = 150

// segmentChunks is how many chunks a segment has at most; here a message is one (osiris_log).
const segmentChunks = 256_000

func newLog(s *Settings) *log { return &log{settings: s, segments: []*segment{{}}} }

// publish appends m and gives a turn to every consumer that waits for it.
func (l *log) publish(now time.Time, m *message.Message, q *Queue) ID {
	if now.After(l.lastTime) {
		l.lastTime = now // times of a stream never go back
	}
	id := l.append(l.lastTime, m)
	for _, c := range q.members {
		q.Wake(c)
	}
	return id
}

func (l *log) append(at time.Time, m *message.Message) ID {
	last := l.segments[len(l.segments)-1]
	if full := last.bytes >= l.settings.SegmentBytes || len(last.messages) == segmentChunks; full && len(last.messages) > 0 {
		last = &segment{first: l.next}
		l.segments = append(l.segments, last)
		l.retain(at)
	}
	last.messages = append(last.messages, stored{m, at})
	last.bytes += int64(m.Size()) + overhead
	last.bodies += int64(m.Size())
	l.bodies += int64(m.Size())
	l.count++
	l.next++
	return ID(l.next - 1)
}

// retain takes away the oldest segments that are too much or too old. The last one stays. RabbitMQ looks only when a segment
// is full, too.
func (l *log) retain(now time.Time) {
	keep := len(l.segments) - 1
	total := l.segments[keep].bytes
	for keep > 0 {
		s := l.segments[keep-1]
		total += s.bytes
		if l.settings.MaxBytes != nil && total > *l.settings.MaxBytes {
			break
		}
		if l.settings.MaxAge != nil && now.Sub(s.messages[len(s.messages)-1].at) > *l.settings.MaxAge {
			break
		}
		keep--
	}
	for _, s := range l.segments[:keep] {
		l.count -= len(s.messages)
		l.bodies -= s.bodies
	}
	l.segments = slices.Delete(l.segments, 0, keep)
}

func (l *log) first() int64 { return l.segments[0].first }

// at returns the message with the offset, which must be there.
func (l *log) at(offset int64) stored {
	s := l.segments[l.segmentOf(offset)]
	return s.messages[offset-s.first]
}

func (l *log) segmentOf(offset int64) int {
	if last := len(l.segments) - 1; offset >= l.segments[last].first {
		return last
	}
	return sort.Search(len(l.segments), func(i int) bool { return l.segments[i].first > offset }) - 1
}

// start returns the offset of the first message that a consumer gets.
func (l *log) start(now time.Time, o Offset) int64 {
	switch o.From {
	case FromFirst:
		return l.first()
	case FromLast:
		return max(l.first(), l.next-1)
	case FromNumber:
		return max(l.first(), o.At)
	case FromTime:
		return l.since(o.Time)
	case FromAge:
		if o.Age == math.MaxInt64 {
			return l.first()
		}
		return l.since(now.Add(-o.Age))
	}
	return l.next
}

// since returns the offset of the first message that was stored at t or later.
func (l *log) since(t time.Time) int64 {
	n := sort.Search(l.count, func(i int) bool { return !l.at(l.first() + int64(i)).at.Before(t) })
	return l.first() + int64(n)
}

// skip returns the offset of the next message that the filter wants, or that of the next to come.
func (l *log) skip(offset int64, f *filter) int64 {
	for f != nil && offset < l.next && !f.wants(l.at(offset).message) {
		offset++
	}
	return offset
}

// nextOfStream delivers to the next consumer that has something to read.
func (q *Queue) nextOfStream() (Delivery, bool) {
	for {
		c := q.turns.front()
		if c == nil {
			return Delivery{}, false
		}
		q.turns.leave(c)
		c.cursor = q.log.skip(max(c.cursor, q.log.first()), c.filter)
		if c.cursor >= q.log.next || !c.able() {
			continue
		}
		m := q.log.at(c.cursor).message
		q.last++
		q.hold(&entry{id: q.last, message: m}, c, c.seat)
		c.unacked++
		d := Delivery{c, Entry{ID: q.last, Message: q.streamed(m, c.cursor)}}
		c.cursor++
		q.Wake(c)
		return d, true
	}
}
