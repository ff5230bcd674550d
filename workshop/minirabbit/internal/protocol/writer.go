package protocol

import (
	"encoding/binary"
	"io"
	"math/rand/v2"
	"sync/atomic"

	"warren.example/workshop/minirabbit/internal/message"
	"warren.example/workshop/wire"
)

// writer turns the items of an outbox into bytes. It runs in a goroutine of its own.
type writer struct {
	out      *outbox
	socket   io.Writer
	frameMax atomic.Uint32 // the limit agreed on
	octets   atomic.Uint64 // sent so far, for heartbeats and for the management API

	// hostile cuts bodies into small frames of any size. Nil: each frame is as large as may be.
	hostile *rand.Rand

	room   func() // consumers may get something again
	wake   func() // the reader may go on
	failed func(error)
	done   func() // all is sent: see outbox.finish

	buf    []byte
	header wire.ContentHeader // used again and again
}

const (
	largeWrite  = 64 << 10  // bytes gathered for one write
	largestKept = 256 << 10 // a larger buffer is not kept
)

// run writes until the outbox ends or the socket fails.
func (w *writer) run() {
	for {
		batch := w.out.take()
		if batch == nil {
			w.done()
			return
		}
		size := 0
		var err error
		for _, i := range batch {
			size += i.size()
			if err == nil {
				err = w.write(i)
			}
		}
		if err == nil {
			err = w.flush()
		}
		room, reader := w.out.sent(batch, size)
		if err != nil {
			w.out.stop()
			w.failed(err)
			return
		}
		if room {
			w.room()
		}
		if reader {
			w.wake()
		}
	}
}

// write adds an item to the buffer, and sends the buffer when it is large.
func (w *writer) write(i item) (err error) {
	if i.raw != nil {
		w.buf = append(w.buf, i.raw...)
		return nil
	}
	if i.method == nil {
		w.buf = wire.AppendFrame(w.buf, wire.Frame{Type: wire.FrameHeartbeat})
		return nil
	}
	w.buf, err = wire.AppendMethodFrame(w.buf, i.channel, i.method)
	if err != nil {
		return err
	}
	if wire.HasContent(i.method) && i.content != nil {
		if err := w.writeContent(i.channel, i.content); err != nil {
			return err
		}
	}
	if len(w.buf) >= largeWrite {
		return w.flush()
	}
	return nil
}

// writeContent adds header and body. AMQP 0-9-1, 4.2.6.
func (w *writer) writeContent(channel uint16, m *message.Message) (err error) {
	const classBasic = 60
	start := len(w.buf)
	w.header = wire.ContentHeader{Class: classBasic, BodySize: uint64(len(m.Body)), Properties: m.Properties}
	w.buf = append(w.buf, byte(wire.FrameHeader), byte(channel>>8), byte(channel), 0, 0, 0, 0)
	if w.buf, err = wire.AppendHeader(w.buf, &w.header); err != nil {
		return err
	}
	binary.BigEndian.PutUint32(w.buf[start+3:], uint32(len(w.buf)-start-headerSize))
	w.buf = append(w.buf, frameEnd)
	for body := m.Body; len(body) > 0; {
		n := w.partSize(len(body))
		w.buf = wire.AppendFrame(w.buf, wire.Frame{Type: wire.FrameBody, Channel: channel, Payload: body[:n]})
		body = body[n:]
		if len(w.buf) >= largeWrite {
			if err := w.flush(); err != nil {
				return err
			}
		}
	}
	return nil
}

// partSize is how much of the rest of a body goes into the next frame.
func (w *writer) partSize(rest int) int {
	const few = 8 // as many frames, on average, that a long body takes no thousands
	most := min(rest, int(w.frameMax.Load())-frameOverhead)
	if w.hostile == nil {
		return most
	}
	return 1 + w.hostile.IntN(min(most, max(16, rest/few)))
}

// flush sends the buffer.
func (w *writer) flush() error {
	n, err := w.socket.Write(w.buf)
	w.octets.Add(uint64(n))
	w.buf = w.buf[:0]
	if cap(w.buf) > largestKept {
		w.buf = nil
	}
	return err
}
