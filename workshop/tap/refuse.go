package tap

import "warren.example/workshop/wire"

// Refuse answers publishes in confirm mode with basic.nack, as a broker does that can't store them: the broker never sees
// them, and its later confirms get the client's numbers. Outside of confirm mode the publishes just vanish. A trigger
// without From and Method means publishes of the client.
type Refuse struct{ On Trigger }

func (f Refuse) String() string { return "refuse " + f.on().String() }

func (f Refuse) on() Trigger { return publishes(f.On) }

func (f Refuse) strike(r *Rule, u *unit) bool {
	if !isPublish(u) {
		return false
	}
	u.stop(Dropped)
	if u.number == 0 {
		return true
	}
	u.refused = true
	u.channel.confirms.touch(r.text)
	nack := answer{tag: u.number}.method()
	u.then = append(u.then, func() { u.conn.say(Client, u.event.Channel, nack, r.text) })
	return true
}

// publishes completes a trigger that is about publishes of the client.
func publishes(t Trigger) Trigger {
	if t.From == 0 {
		t.From = Client
	}
	if t.Method == "" {
		t.Method = "basic.publish"
	}
	return t
}

func isPublish(u *unit) bool {
	_, ok := u.event.Method.(*wire.BasicPublish)
	return ok && u.event.From == Client
}
