package tap

import "warren.example/workshop/wire"

// Block tells clients connection.blocked with a reason, as RabbitMQ does when it runs out of memory or disk: now all that
// are connected, and those that come later when they first publish. Only clients that announced the capability
// connection.blocked are told. It returns how many were told now. Nothing else happens: publishes pass. To hold them back
// too, add StopReading.
func (t *Tap) Block(reason string) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.blocked = &reason
	told := 0
	for _, c := range t.conns {
		if c.tellBlocked() {
			told++
			c.flush()
		}
	}
	return told
}

// Unblock tells connection.unblocked to all who were told connection.blocked. It returns how many.
func (t *Tap) Unblock() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.blocked = nil
	told := 0
	for _, c := range t.conns {
		if c.session.blocked && !c.gone {
			c.session.blocked = false
			c.say(Client, 0, &wire.ConnectionUnblocked{}, "unblock")
			told++
			c.flush()
		}
	}
	return told
}

// tellBlocked tells the client connection.blocked if it should know and does not. Tap.mu is held.
func (c *conn) tellBlocked() bool {
	s := &c.session
	if c.tap.blocked == nil || c.gone || !s.opened || !s.hearsBlocked || s.blocked {
		return false
	}
	s.blocked = true
	c.say(Client, 0, &wire.ConnectionBlocked{Reason: *c.tap.blocked}, "block")
	return true
}
