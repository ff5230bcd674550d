package tap

// BlackHole freezes a connection at a unit: both sockets stay open, and nothing arrives any more on either side, neither
// the unit nor a heartbeat nor the end of the connection. So it is when a cable is pulled. Rule.Release heals it: what was
// said meanwhile arrives then, in its order.
type BlackHole struct{ On Trigger }

func (b BlackHole) String() string { return "black hole from " + b.On.String() + " on" }

func (b BlackHole) on() Trigger { return b.On }

func (b BlackHole) strike(r *Rule, u *unit) bool {
	c := u.conn
	if c.hole != nil {
		return false
	}
	c.hole = r
	c.toClient.freeze(true)
	c.toBroker.freeze(true)
	u.then = append(u.then, func() { c.tap.recording.say(aFault, c.id, r.text) })
	return true
}

func (b BlackHole) heal(r *Rule, c *conn) {
	if c.hole != r {
		return
	}
	c.hole = nil
	c.toClient.freeze(false)
	c.toBroker.freeze(false)
	c.tap.recording.say(aFault, c.id, "released: "+r.text)
}
