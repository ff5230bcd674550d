package tap

// Drop takes units out: the other side never sees them. The sides stay able to talk:
//
//   - A publish in confirm mode: the broker's later confirms get the client's numbers, so that the client meets a broker
//     that just never answers this one.
//   - A confirm: later confirms never cover what it was about.
//   - Delivery tags are not renumbered. A client that acks with multiple also acks a delivery it never saw.
type Drop struct{ On Trigger }

func (d Drop) String() string { return "drop " + d.On.String() }

func (d Drop) on() Trigger { return d.On }

func (d Drop) strike(_ *Rule, u *unit) bool {
	u.stop(Dropped)
	return true
}
