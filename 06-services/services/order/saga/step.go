package saga

import (
	"time"

	"warren.example/06-services/config"
)

// An Outcome says what became of an input.
type Outcome int

// The outcomes.
const (
	Taken   Outcome = iota // it counts
	Late                   // it is an answer that came before, or comes too late, or a deadline that is none any more: ignored
	Refused                // it is a wish that this state forbids
)

// A Decision says what to do with a saga. What it says is done together, in one transaction, or not at all.
type Decision struct {
	Outcome Outcome       // if it isn't Taken, Saga is as before and all else is zero
	Saga    Saga          // what to remember from now on
	Stays   bool          // deadline and command under way are as before
	Send    string        // the command to send, by the name of its message; "": none
	Again   bool          // it is the command under way: send it with the same message id
	Wait    time.Duration // until the deadline; 0: there is none
	Expires time.Duration // until who gets the command must refuse it; 0: never
	Order   Change        // what happens to the order
	Start   State         // begin a second saga in this state; "": don't
}

// Begin returns how a saga begins: in Reserving, Refunding or Repaying.
func Begin(s State, l Limits) Decision {
	return enter(Saga{}, s, l)
}

// Step returns what an input does to a saga. Every state has an outcome for every input. reason says why, if the input is an
// answer that says no: one of the reasons of events.OrderCancelled.
func Step(s Saga, in Input, reason string, l Limits) Decision {
	r, ok := table[s.State][in]
	asking := commands[s.State] != ""
	switch {
	case in == Deadline && !s.State.waits(), !ok && in.answer():
		return Decision{Outcome: Late, Saga: s}
	case in == Deadline && asking && !(ok && l.turnsBack(s)):
		return again(s, l)
	case in == Resume && !ok && asking:
		s.Asks, s.Overdue = 0, false
		return again(s, l)
	case !ok:
		return Decision{Outcome: Refused, Saga: s}
	}

	if in == RefundFailed {
		s.Failures++
		if limit := l.Undo.Asks; limit > 0 && s.Failures >= limit {
			r = stuck[r.to]
		}
	}
	if in == Resume {
		s.Failures = 0
	}
	switch {
	case r.order == Confirm:
		s.Reason = ""
	case r.why != "":
		s.Reason = r.why
	case reason != "" && r.to != "":
		s.Reason = reason
	}
	d := Decision{Saga: s, Stays: true}
	if r.to != "" {
		d = enter(s, r.to, l)
	}
	d.Order, d.Start = r.order, r.start
	return d
}

// Postpone returns how long to wait once more when the deadline of a saga passes and nobody could have answered, since RabbitMQ
// is away.
func Postpone(s Saga, l Limits) time.Duration { return l.wait(s) }

// Ended tells whether nothing is waited for any more.
func (s State) Ended() bool {
	return s == Sold || s == Dropped || s == Returned || s == Repaid
}

// waits tells whether a state has a deadline.
func (s State) waits() bool { return !s.Ended() && s != Stuck && s != RepayStuck }

// answer tells whether an input is a message.
func (in Input) answer() bool {
	return in != Deadline && in != Cancel && in != Refund && in != Resume
}

// enter lets a saga come into a state: it asks what has to be asked there, with a new message.
func enter(s Saga, to State, l Limits) Decision {
	s.State, s.Asks, s.Overdue = to, 0, to == Stuck || to == RepayStuck
	if commands[to] != "" {
		s.Asks = 1
	}
	return ask(s, false, l)
}

// again sends the command under way once more.
func again(s Saga, l Limits) Decision {
	s.Asks++
	s.Overdue = s.Overdue || l.Undo.Asks > 0 && s.Asks > l.Undo.Asks && !s.State.careful()
	return ask(s, true, l)
}

func ask(s Saga, same bool, l Limits) Decision {
	d := Decision{Saga: s, Send: commands[s.State], Again: same}
	if s.State.waits() {
		d.Wait = l.wait(s)
	}
	if p := l.of(s.State); s.State.careful() && p.Asks > 0 {
		d.Expires = time.Duration(max(p.Asks-s.Asks+1, 1))*p.Wait + grace
	}
	return d
}

// careful tells whether a saga that gets no answer in this state can turn back. In all others it must go on asking.
func (s State) careful() bool { return s == Reserving || s == Charging }

// of returns the limits of a state.
func (l Limits) of(s State) config.Patience {
	switch s {
	case Reserving:
		return l.Reserve
	case Charging:
		return l.Charge
	}
	return l.Undo
}

// turnsBack tells whether a saga has asked often enough in a state from which it can turn back.
func (l Limits) turnsBack(s Saga) bool {
	p := l.of(s.State)
	return s.State.careful() && p.Asks > 0 && s.Asks >= p.Asks
}

// wait returns how long a saga waits now. Where there is no way back, the pauses double.
func (l Limits) wait(s Saga) time.Duration {
	pause := l.of(s.State).Wait
	if s.State.careful() {
		return pause
	}
	times := s.Asks
	if s.State == Pausing || s.State == RepayPausing {
		times = s.Failures
	}
	for n := 1; n < times && pause < maxPause; n++ {
		pause *= 2
	}
	return min(pause, maxPause)
}
