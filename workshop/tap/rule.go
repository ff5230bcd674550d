package tap

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// Rule is a fault at work in a tap.
type Rule struct {
	tap     *Tap
	fault   Fault
	text    string
	trigger Trigger
	first   chan struct{} // closed when it strikes for the first time

	// Guarded by Tap.mu:

	seen   int                // units that its trigger means
	struck int                // how often it struck
	held   []*unit            // in the order in which they came
	gone   bool               // removed
	free   map[line]time.Time // Slow: when each line is free again

	holding *holding // HoldConfirm: of the publishes since the last Release
}

// line is what comes from one side of one connection.
type line struct {
	conn *conn
	from Side
}

// Add makes a fault a rule: it strikes from now on, until it is removed.
func (t *Tap) Add(f Fault) *Rule {
	r := &Rule{tap: t, fault: f, text: f.String(), trigger: f.on(), first: make(chan struct{})}
	r.holding = &holding{rule: r}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.rules = append(t.rules, r)
	if s, ok := f.(starter); ok {
		for _, c := range t.conns {
			s.start(r, c)
		}
	}
	return r
}

// String returns what the fault prints, and how often it struck: "drop the 2nd basic.publish from you, struck once".
func (r *Rule) String() string {
	switch n := r.Struck(); n {
	case 0:
		return r.text + ", never struck"
	case 1:
		return r.text + ", struck once"
	default:
		return fmt.Sprintf("%s, struck %d times", r.text, n)
	}
}

// Struck returns how often the rule has struck.
func (r *Rule) Struck() int {
	r.tap.mu.Lock()
	defer r.tap.mu.Unlock()
	return r.struck
}

// Wait returns when the rule has struck at least once; with an error if ctx ends or the tap is closed before.
func (r *Rule) Wait(ctx context.Context) error {
	select {
	case <-r.first:
		return nil
	default:
	}
	select {
	case <-r.first:
		return nil
	case <-r.tap.recording.ended:
		return fmt.Errorf("wait until it strikes: %s: %w", r.text, ErrClosed)
	case <-ctx.Done():
		return fmt.Errorf("wait until it strikes: %s: %w", r.text, context.Cause(ctx))
	}
}

// Release lets go on what the rule holds back at this moment: held units in their order, frozen connections, stopped pumps,
// and of HoldConfirm also the confirms that are still to come for publishes that passed the tap. The rule stays, and holds
// back what comes next.
func (r *Rule) Release() {
	r.tap.mu.Lock()
	r.release()
	conns := slices.Clone(r.tap.conns)
	r.tap.mu.Unlock()
	for _, c := range conns {
		c.flush()
	}
}

// Remove ends the rule: it strikes no more, and what it holds back goes on. Safe to call twice.
func (r *Rule) Remove() {
	r.tap.mu.Lock()
	r.gone = true
	r.tap.rules = slices.DeleteFunc(slices.Clone(r.tap.rules), func(other *Rule) bool { return other == r })
	r.tap.mu.Unlock()
	r.Release()
}

func (r *Rule) release() {
	held := r.held
	r.held = nil
	r.holding.ended = true
	r.holding = &holding{rule: r}
	for _, u := range held {
		u.conn.resume(u)
	}
	if h, ok := r.fault.(healer); ok {
		for _, c := range r.tap.conns {
			h.heal(r, c)
		}
	}
}

// judge counts a unit that the trigger means, and strikes it if it is its turn.
func (r *Rule) judge(u *unit) {
	if u.plain {
		f := r.trigger.Filter
		if r.trigger.Nth != 0 || f.Method != "" || f.Channel != 0 || f.Where != nil || !f.fits(&u.entry) || u.stopped {
			return
		}
	} else {
		if !r.trigger.means(&u.entry) {
			return
		}
		r.seen++
		if u.stopped || r.trigger.Nth != 0 && r.trigger.Nth != r.seen {
			return
		}
	}
	if !r.fault.strike(r, u) {
		return
	}
	if u.event.Fault != "" {
		u.event.Fault += "; "
	}
	u.event.Fault += r.text
	r.hit()
}

// hit counts a strike. Tap.mu is held.
func (r *Rule) hit() {
	r.struck++
	if r.struck == 1 {
		close(r.first)
	}
}

// struckAt counts a strike that is no matter of a unit.
func (r *Rule) struckAt(c *conn) {
	r.tap.mu.Lock()
	defer r.tap.mu.Unlock()
	r.hit()
	r.tap.recording.say(aFault, c.id, r.text)
}
