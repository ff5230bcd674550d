package tap

import "fmt"

// Cut closes both sockets of a connection at a unit, as when a process dies or a router forgets. What the tap had forwarded
// before still arrives; what is held or delayed does not.
type Cut struct {
	On   Trigger
	When When // Before the unit, which never arrives, or After it
}

// When is the moment of a Cut.
type When int

// The moments.
const (
	Before When = iota
	After
)

// String returns "before" or "after".
func (w When) String() string {
	if w == After {
		return "after"
	}
	return "before"
}

func (c Cut) String() string { return fmt.Sprintf("cut %s %s", c.When, c.On) }

func (c Cut) on() Trigger { return c.On }

func (c Cut) strike(r *Rule, u *unit) bool {
	if c.When == Before {
		u.stop(Dropped)
	}
	u.then = append(u.then, func() { u.conn.cut(r.text) })
	return true
}
