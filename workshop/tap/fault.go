package tap

import "fmt"

// Fault is something that goes wrong on the way. Each kind has a file of its own; Tap.Add makes it a rule.
//
//	                  ╭───────────────── rules, in the order of Add ──────────────────╮
//	unit ─▶ number ─▶ │ means it? ─ nth? ─▶ strike ─▶ means it? ─ nth? ─▶ strike ─▶ … │ ─▶ record
//	                  ╰────────────────────────┬──────────────────────────────────────╯ ─▶ forward
//	                                           ▼                                        ─▶ then
//	                        u.stop(Dropped)   it goes no further: it is not forwarded
//	                        u.stop(Held)      it is forwarded when the rule is released
//	                        u.delayUntil(…)   it leaves later, and so does what follows it
//	                        u.then            what the fault does after it
//
// What holds for all of them:
//
//   - A fault strikes the units that its Trigger means: each one, or only the nth. Every rule counts every unit it means,
//     also one that another rule stopped; but a unit that is stopped is struck no more.
//   - Whatever the tap says itself is not judged and not counted, nor are the answers to it.
//   - Bytes that are no AMQP count nowhere. Faults whose Trigger asks for nothing but a side strike them too.
//   - A fault prints itself as it was added, and the event it struck carries that text.
//   - strike runs with Tap.mu held. It must not wait.
type Fault interface {
	// String says what the fault does and when: "drop the 2nd basic.publish from you".
	fmt.Stringer
	// on says which units the fault is about.
	on() Trigger
	// strike does it to a unit that is not stopped. It returns false if the fault can do nothing to this one.
	strike(r *Rule, u *unit) bool
}

// A fault that is no matter of units begins with the connection, and when the rule is added.
type starter interface{ start(r *Rule, c *conn) }

// A fault that changed a connection as a whole sets it right again.
type healer interface{ heal(r *Rule, c *conn) }

// Trigger says which units a fault is about.
type Trigger struct {
	Filter
	Nth int // 0: each that the filter means; 3: only the third, counted since the rule was added, over all connections
}

// String returns "each basic.publish from you", "the 3rd basic.publish from you".
func (t Trigger) String() string {
	if t.Nth == 0 {
		return "each " + t.Filter.String()
	}
	return "the " + ordinal(t.Nth) + " " + t.Filter.String()
}

// ordinal returns 1st, 2nd, 3rd, 4th … 11th … 21st.
func ordinal(n int) string {
	suffix := "th"
	if n/10%10 != 1 {
		switch n % 10 {
		case 1:
			suffix = "st"
		case 2:
			suffix = "nd"
		case 3:
			suffix = "rd"
		}
	}
	return fmt.Sprintf("%d%s", n, suffix)
}
