package client

import (
	"errors"
	"fmt"
	"io"

	"warren.example/workshop/minirabbit/transcript/notation"
	"warren.example/workshop/wire"
)

// read turns bytes into events until the connection ends, and says so by a last one.
func (c *Conn) read() {
	defer close(c.done)
	var decoder wire.Decoder
	chunk := make([]byte, 64<<10)
	for {
		n, err := c.socket.Read(chunk)
		decoder.Feed(chunk[:n])
		for {
			item, ok, decodeErr := decoder.Next()
			if decodeErr != nil {
				c.add(Event{End: decodeErr.Error()})
				_ = c.socket.Close()
				return
			}
			if !ok {
				break
			}
			if problem := c.item(item); problem != "" {
				c.add(Event{End: problem})
				_ = c.socket.Close()
				return
			}
		}
		if err != nil {
			end := "closed"
			if decoder.Buffered() > 0 && errors.Is(err, io.EOF) {
				end = fmt.Sprintf("closed inside a frame: %q", decoder.Rest())
			}
			c.add(Event{End: end})
			return
		}
	}
}

// item handles one frame or protocol header. It returns what is wrong with it.
func (c *Conn) item(item wire.Item) (problem string) {
	f := item.Frame
	switch {
	case item.Protocol != nil:
		c.add(Event{Protocol: item.Protocol})
	case f.Type == wire.FrameHeartbeat:
		c.mu.Lock()
		c.beats++
		c.came.Broadcast()
		c.mu.Unlock()
	case f.Type == wire.FrameMethod:
		m, err := wire.DecodeMethod(f.Payload)
		if err != nil {
			return err.Error()
		}
		c.method(f.Channel, m)
	case f.Type == wire.FrameHeader:
		return c.header(f)
	case f.Type == wire.FrameBody:
		return c.body(f)
	}
	return ""
}

func (c *Conn) method(channel uint16, m wire.Method) {
	e := Event{Channel: channel, Method: m}
	if wire.HasContent(m) {
		c.mu.Lock()
		c.partial[channel], c.left[channel] = &e, -1
		c.mu.Unlock()
		return
	}
	c.add(e)
}

func (c *Conn) header(f wire.Frame) (problem string) {
	h, err := wire.DecodeHeader(f.Payload)
	if err != nil {
		return err.Error()
	}
	c.mu.Lock()
	e := c.partial[f.Channel]
	if e == nil || c.left[f.Channel] != -1 {
		c.mu.Unlock()
		return fmt.Sprintf("a content header on channel %d that no method announced", f.Channel)
	}
	e.Content = &notation.Content{Properties: h.Properties}
	c.left[f.Channel] = int64(h.BodySize)
	c.mu.Unlock()
	c.complete(f.Channel)
	return ""
}

func (c *Conn) body(f wire.Frame) (problem string) {
	c.mu.Lock()
	e := c.partial[f.Channel]
	if e == nil || c.left[f.Channel] < int64(len(f.Payload)) {
		c.mu.Unlock()
		return fmt.Sprintf("a body frame on channel %d that no header announced", f.Channel)
	}
	e.Content.Body = append(e.Content.Body, f.Payload...)
	e.Content.Frames++
	c.left[f.Channel] -= int64(len(f.Payload))
	c.mu.Unlock()
	c.complete(f.Channel)
	return ""
}

// complete adds the channel's content if nothing of it is missing.
func (c *Conn) complete(channel uint16) {
	c.mu.Lock()
	e := c.partial[channel]
	if c.left[channel] != 0 {
		c.mu.Unlock()
		return
	}
	delete(c.partial, channel)
	delete(c.left, channel)
	c.mu.Unlock()
	c.add(*e)
}

func (c *Conn) add(e Event) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.count++
	e.Number = c.count
	c.ended = c.ended || e.End != ""
	c.events[e.Channel] = append(c.events[e.Channel], e)
	c.came.Broadcast()
}
