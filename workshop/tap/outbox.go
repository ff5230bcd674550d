package tap

import (
	"net"
	"sync"
	"time"
)

// outboxLimit is how many bytes may wait for a writer before the pump that brings them stops reading.
const outboxLimit = 256 << 10

// lastWrite is how long a connection that is cut may take to hand over what was forwarded before the cut.
const lastWrite = 250 * time.Millisecond

// outbox holds the bytes that go to one side and writes them in its own goroutine, in their order. Whoever appends never
// waits.
type outbox struct {
	mu      sync.Mutex // guards what follows
	changed *sync.Cond // on mu: broadcast when somebody who waits may have something to do
	socket  net.Conn   // nil until connect
	raw     net.Conn   // what socket was before it spoke TLS
	queue   []segment
	size    int    // of all segments and of what is being written
	spare   []byte // a buffer to use again
	waits   bool   // the writer waits on changed
	frozen  bool   // nothing leaves: BlackHole
	stopped *Rule  // the pump that fills the outbox must not go on: StopReading
	end     ending
	halved  bool // the far end was told that this direction has ended
}

// segment is a run of bytes that leave together.
type segment struct {
	due  time.Time // zero: at once
	data []byte
}

// ending is what follows when the queue is empty.
type ending int

const (
	open   ending = iota // nothing: more will come
	half                 // this direction ends
	whole                // the socket is closed
	killed               // the socket is closed, without regard to the queue
)

func newOutbox(socket net.Conn) *outbox {
	o := &outbox{socket: socket, raw: socket}
	o.changed = sync.NewCond(&o.mu)
	return o
}

// connect gives the outbox its socket, or another around the one it has. It returns false if the outbox has ended before.
func (o *outbox) connect(socket net.Conn) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.socket = socket
	if o.raw == nil {
		o.raw = socket
	}
	return o.end == open
}

// append puts bytes at the end of the queue. They leave after flush.
func (o *outbox) append(data []byte, due time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.end != open {
		return
	}
	o.size += len(data)
	if last := len(o.queue) - 1; last >= 0 && due.IsZero() && o.queue[last].due.IsZero() {
		o.queue[last].data = append(o.queue[last].data, data...)
		return
	}
	buffer := o.spare[:0]
	o.spare = nil
	o.queue = append(o.queue, segment{due: due, data: append(buffer, data...)})
}

// flush lets the writer go.
func (o *outbox) flush() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.waits && len(o.queue) > 0 {
		o.changed.Broadcast()
	}
}

// finish says that nothing more comes. A stronger ending replaces a weaker one.
func (o *outbox) finish(end ending) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if end <= o.end {
		return
	}
	o.end = end
	if end == killed && o.raw != nil {
		o.raw.Close() // ends a Read and a Write under way too
	}
	o.changed.Broadcast()
}

// cut closes the socket as soon as everything is written that was forwarded before and is not delayed.
func (o *outbox) cut() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.frozen {
		o.queue = nil
	}
	for i, s := range o.queue {
		if s.due.After(time.Now()) {
			o.queue = o.queue[:i]
			break
		}
	}
	o.frozen = false
	o.end = max(o.end, whole)
	if o.socket != nil {
		o.socket.SetWriteDeadline(time.Now().Add(lastWrite))
	}
	o.changed.Broadcast()
}

// freeze keeps everything in, or lets it out again.
func (o *outbox) freeze(on bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.frozen = on
	o.changed.Broadcast()
}

// stopReading makes the pump that fills the outbox wait because of a rule, or lets it go on, if nobody else decided
// otherwise meanwhile.
func (o *outbox) stopReading(was, is *Rule) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.stopped == was {
		o.stopped = is
		o.changed.Broadcast()
	}
}

// stoppedBy returns the rule that makes the pump wait, if any.
func (o *outbox) stoppedBy() *Rule {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.stopped
}

// admit waits until the pump may hand over what it has read. It returns false when there is no use in it.
func (o *outbox) admit() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	for (o.stopped != nil || o.size >= outboxLimit) && o.end < whole {
		o.changed.Wait()
	}
	return o.end < whole
}

// run is the writer: it returns when the socket is closed.
func (o *outbox) run() {
	for {
		batch, ok := o.next()
		if !ok {
			return
		}
		_, err := o.socket.Write(batch)
		o.wrote(batch, err)
	}
}

// next waits for bytes that may leave. It returns false when the socket is closed.
func (o *outbox) next() ([]byte, bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for {
		if o.end == killed {
			return nil, false
		}
		if len(o.queue) == 0 && !o.frozen {
			switch o.end {
			case half:
				o.halve()
			case whole:
				o.socket.Close()
				return nil, false
			}
		}
		var wait time.Duration
		if len(o.queue) > 0 && !o.frozen {
			first := o.queue[0]
			if wait = time.Until(first.due); first.due.IsZero() || wait <= 0 {
				o.queue = o.queue[:copy(o.queue, o.queue[1:])]
				return first.data, true
			}
		}
		o.sleep(wait)
	}
}

// sleep waits for a change, or no longer than d if it isn't 0.
func (o *outbox) sleep(d time.Duration) {
	if d > 0 {
		alarm := time.AfterFunc(d, func() {
			o.mu.Lock()
			defer o.mu.Unlock()
			o.changed.Broadcast()
		})
		defer alarm.Stop()
	}
	o.waits = true
	o.changed.Wait()
	o.waits = false
}

// wrote takes note of a Write that is done. A socket that does not take bytes any more gets none.
func (o *outbox) wrote(batch []byte, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	before := o.size
	o.size -= len(batch)
	if cap(batch) <= 2*outboxLimit {
		o.spare = batch
	}
	if err != nil {
		o.queue, o.size = nil, 0
		o.end = max(o.end, half)
	}
	if before >= outboxLimit || err != nil {
		o.changed.Broadcast()
	}
}

// discard lets go of what the outbox keeps. Its writer has ended.
func (o *outbox) discard() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.queue, o.spare, o.size = nil, nil, 0
	o.socket, o.raw = nil, nil
}

// halve ends this direction. The socket stays open for the other one.
func (o *outbox) halve() {
	if s, ok := o.socket.(interface{ CloseWrite() error }); ok && !o.halved {
		s.CloseWrite()
	}
	o.halved = true
}
