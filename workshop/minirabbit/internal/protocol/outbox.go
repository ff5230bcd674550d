package protocol

import (
	"sync"
	"sync/atomic"

	"warren.example/workshop/minirabbit/internal/message"
	"warren.example/workshop/wire"
)

// The marks of an outbox, in bytes.
const (
	fullMark     = 1 << 20   // consumers get nothing more
	roomMark     = 256 << 10 // they get something again
	stopReading  = 16 << 20  // nothing more is read from the client: it asks and does not listen
	itemOverhead = 128       // what a method may take beside body and headers
	fieldSize    = 32        // what a field of a table takes beside its texts
)

// item is one method to send, with its content if it has one. Without a method it is raw; without that too, a heartbeat.
type item struct {
	raw     []byte
	channel uint16
	method  wire.Method
	content *message.Message
}

// size is about how many bytes the item keeps. It never changes: messages don't.
func (i item) size() int {
	if i.content == nil {
		return itemOverhead
	}
	return 2*itemOverhead + len(i.content.Body) + tableSize(i.content.Properties.Headers)
}

func tableSize(t wire.Table) (size int) {
	for _, f := range t {
		size += fieldSize + len(f.Name) + valueSize(f.Value)
	}
	return size
}

// valueSize is what a value takes beside its field.
func valueSize(v wire.Value) (size int) {
	switch v := v.(type) {
	case wire.String:
		return len(v)
	case wire.Bytes:
		return len(v)
	case wire.Table:
		return tableSize(v)
	case wire.Array:
		for _, element := range v {
			size += fieldSize + valueSize(element)
		}
	}
	return size
}

// outbox has what is to be sent, in order. Send never blocks, and the writer takes everything at once. Safe for several
// goroutines.
type outbox struct {
	level atomic.Int64 // as bytes, to look at without the lock

	mu      sync.Mutex // guards what follows
	wake    sync.Cond  // of the writer
	pending []item
	spare   []item // the writer's last batch, to be used again
	bytes   int    // in pending and in the writer's hands
	corked  bool   // the reader has more to say soon: one write for all of it
	paused  bool   // nothing may be sent
	last    bool   // the writer ends when all is sent
	cut     bool   // the writer ends now; what comes is thrown away
	full    bool   // HasRoom said no: somebody waits
	waiting bool   // the reader waits for room

	most    int    // bytes; above it overrun is called, by whoever puts
	overrun func() // must not block
}

func newOutbox(most int, overrun func()) *outbox {
	o := &outbox{most: most, overrun: overrun}
	o.wake.L = &o.mu
	return o
}

// put adds an item behind all others.
func (o *outbox) put(i item) {
	if o.add(i) {
		o.overrun()
	}
}

// add is put, and tells whether there is too much now.
func (o *outbox) add(i item) (over bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.cut || o.last {
		return false
	}
	o.pending = append(o.pending, i)
	o.bytes += i.size()
	o.level.Store(int64(o.bytes))
	if len(o.pending) == 1 && !o.corked {
		o.wake.Signal()
	}
	return o.bytes > o.most
}

// hasRoom returns false above fullMark. Then sent tells when there is room again.
func (o *outbox) hasRoom() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.bytes < fullMark {
		return true
	}
	o.full = true
	return false
}

// overfull tells whether the reader has to wait. Then sent tells when it needs not any more.
func (o *outbox) overfull() bool {
	if o.level.Load() < stopReading {
		return false
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.waiting = o.bytes >= stopReading
	return o.waiting
}

// cork keeps back what is put, until uncork.
func (o *outbox) cork() {
	o.mu.Lock()
	o.corked = true
	o.mu.Unlock()
}

func (o *outbox) uncork() {
	o.mu.Lock()
	o.corked = false
	if len(o.pending) > 0 {
		o.wake.Signal()
	}
	o.mu.Unlock()
}

// pause stops the writer before its next batch, or lets it go on.
func (o *outbox) pause(on bool) {
	o.mu.Lock()
	o.paused = on
	o.wake.Signal()
	o.mu.Unlock()
}

// finish ends the writer when everything put so far is sent.
func (o *outbox) finish() {
	o.mu.Lock()
	o.last = true
	o.wake.Signal()
	o.mu.Unlock()
}

// stop ends the writer.
func (o *outbox) stop() {
	o.mu.Lock()
	o.cut = true
	o.pending, o.spare = nil, nil
	o.wake.Signal()
	o.mu.Unlock()
}

// take waits for something to send and returns all there is. It returns nil at the end.
func (o *outbox) take() []item {
	o.mu.Lock()
	defer o.mu.Unlock()
	for !o.cut && (len(o.pending) == 0 && !o.last || o.paused || o.corked && !o.last) {
		o.wake.Wait()
	}
	if o.cut || len(o.pending) == 0 {
		return nil
	}
	batch := o.pending
	o.pending, o.spare = o.spare[:0], nil
	return batch
}

// sent gives back a batch after n bytes (as counted by size) of it were written. room is true if consumers wait for that,
// reader if the reader does.
func (o *outbox) sent(batch []item, n int) (room, reader bool) {
	const keep = 4096 // items
	clear(batch)
	o.mu.Lock()
	defer o.mu.Unlock()
	o.bytes -= n
	o.level.Store(int64(o.bytes))
	if cap(batch) <= keep && o.spare == nil {
		o.spare = batch[:0]
	}
	if o.bytes < roomMark {
		room, reader = o.full, o.waiting
		o.full, o.waiting = false, false
	}
	return room, reader
}

// channelOutbox is what a channel's host sends to: it adds the number of the channel.
type channelOutbox struct {
	*outbox
	number uint16
}

// Send implements vhost.Outbox.
func (o channelOutbox) Send(m wire.Method, content *message.Message) {
	o.put(item{channel: o.number, method: m, content: content})
}

// HasRoom implements vhost.Outbox.
func (o channelOutbox) HasRoom() bool { return o.hasRoom() }
