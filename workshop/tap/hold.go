package tap

// Hold keeps units back until Rule.Release; what follows them passes. Confirms keep their meaning as with Drop: later ones
// never cover a publish whose confirm is held, and a publish that is held gets its number from the broker when it is
// released. What is held is lost when its channel or its connection ends.
type Hold struct{ On Trigger }

func (h Hold) String() string { return "hold " + h.On.String() }

func (h Hold) on() Trigger { return h.On }

func (h Hold) strike(r *Rule, u *unit) bool {
	u.stop(Held)
	u.then = append(u.then, func() { r.held = append(r.held, u.keep()) })
	return true
}
