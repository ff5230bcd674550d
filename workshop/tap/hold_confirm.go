package tap

// HoldConfirm keeps back what the broker answers to a publish, ack or nack, until Rule.Release. Other publishes that the
// same confirm is about are confirmed, and no later confirm covers the one that waits. It strikes when the confirm comes;
// if Release came first, the confirm passes and there is no strike. Outside of confirm mode it does nothing. A trigger
// without From and Method means publishes of the client.
type HoldConfirm struct{ On Trigger }

// holding is what a rule does to the confirms of the publishes between one Release and the next.
type holding struct {
	rule  *Rule
	ended bool // released: what comes of them passes
}

func (h HoldConfirm) String() string { return "hold the confirm of " + h.on().String() }

func (h HoldConfirm) on() Trigger { return publishes(h.On) }

func (h HoldConfirm) strike(r *Rule, u *unit) bool {
	if u.number > 0 && u.hold == nil {
		u.hold = r.holding
		u.channel.confirms.touch(r.text)
	}
	return false // not yet
}
