package tap

// NackForAck turns the broker's ack for a publish into a nack: the broker has the message, the client must think it has
// not. Other publishes that the same ack is about are acked. It strikes when the nack is said. Outside of confirm mode it
// does nothing. A trigger without From and Method means publishes of the client.
type NackForAck struct{ On Trigger }

func (n NackForAck) String() string { return "turn the ack of " + n.on().String() + " into a nack" }

func (n NackForAck) on() Trigger { return publishes(n.On) }

func (n NackForAck) strike(r *Rule, u *unit) bool {
	if u.number > 0 && u.nack == nil {
		u.nack = r
		u.channel.confirms.touch(r.text)
	}
	return false // not yet
}
