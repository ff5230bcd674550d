package lab

import (
	"os"
	"slices"
	"strconv"
	"strings"

	"warren.example/workshop/tap"
	"warren.example/workshop/tap/diagram"
)

// lastShown is how many events a claim without a Wire of its own shows.
const lastShown = 4

// Wire puts events in one line for Claim.Wire; notes point at the event before them:
//
//	broker→you deliver tag=7 · you→broker ack tag=7 ← handler still running
//
// Events of several channels or connections say of which they are: see tap.Shorts.
func (l *Lab) Wire(events ...tap.Event) string {
	events = l.withoutFences(events)
	texts := tap.Shorts(events)
	var b strings.Builder
	for i, e := range events {
		switch {
		case e.Name() == "note":
			b.WriteString(" ← " + e.Text)
		case i > 0:
			b.WriteString(" · " + texts[i])
		default:
			b.WriteString(texts[i])
		}
	}
	return strings.TrimSpace(b.String())
}

// withoutFences leaves out the lab's own questions.
func (l *Lab) withoutFences(events []tap.Event) []tap.Event {
	own := fences(l.Tap.Recording().All())
	return slices.DeleteFunc(slices.Clone(events), func(e tap.Event) bool { return own[e.Seq] })
}

// lastEvents is the Wire of claims that have none: the last events that may matter.
func (l *Lab) lastEvents() string {
	events := l.Tap.Recording().Find(tap.Filter{Where: matters})
	if len(events) == 0 {
		return "nothing was declared, published or consumed"
	}
	if more := len(events) - lastShown; more > 0 {
		return "… · " + l.Wire(events[more:]...)
	}
	return l.Wire(events...)
}

// matters tells whether an event can convict somebody: not the small talk of opening, closing and saying yes.
func matters(e tap.Event) bool {
	name := e.Name()
	switch {
	case e.Fate != tap.Passed, name == "note", name == "fault":
		return true
	case e.From == tap.Here, name == "protocol-header", name == "channel.flow":
		return false
	case name == "channel.close":
		return e.From == tap.Broker // the broker closes a channel for a reason only
	case strings.HasPrefix(name, "connection."), name == "channel.open":
		return false
	case name == "basic.cancel", name == "basic.get-ok":
		return true
	}
	return !strings.HasSuffix(name, "-ok")
}

// drawAll prints all that the tap saw, if WORKSHOP_WIRE=1 asks for it; a larger number says in how many columns. Of a
// test that passes, go test shows it with -v.
func (l *Lab) drawAll() {
	columns, err := strconv.Atoi(os.Getenv("WORKSHOP_WIRE"))
	if err != nil || columns < 1 {
		return
	}
	if columns == 1 {
		columns = 0 // as many as diagrams usually have
	}
	picture := diagram.Config{Width: columns}
	if err := picture.Draw(l.t.Output(), l.withoutFences(l.Tap.Recording().All())); err != nil {
		l.t.Logf("lab: draw the recording: %v", err)
	}
}
