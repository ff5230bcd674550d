package tap

import (
	"fmt"
	"strings"
)

// A Filter says which events are meant. Fields left zero mean any.
type Filter struct {
	From    Side
	Method  string // as Event.Name gives it: "basic.publish", "note"
	Conn    int
	Channel uint16
	// Where is asked last, about events that fit all else. In a rule it is called with the tap's lock held: it must not
	// call the tap.
	Where func(Event) bool
}

// String returns "basic.publish from you on channel 1 of connection 2 that fits"; the last two words stand for Where.
func (f Filter) String() string {
	var s strings.Builder
	s.WriteString("unit")
	if f.Method != "" {
		s.Reset()
		s.WriteString(f.Method)
	}
	if f.From != 0 {
		fmt.Fprintf(&s, " from %s", f.From)
	}
	if f.Channel != 0 {
		fmt.Fprintf(&s, " on channel %d", f.Channel)
	}
	if f.Conn != 0 {
		preposition := "on"
		if f.Channel != 0 {
			preposition = "of"
		}
		fmt.Fprintf(&s, " %s connection %d", preposition, f.Conn)
	}
	if f.Where != nil {
		s.WriteString(" that fits")
	}
	return s.String()
}

// fits tells whether e is meant as far as can be told without Where.
func (f *Filter) fits(e *entry) bool {
	return (f.From == 0 || f.From == e.event.From) &&
		(f.Method == "" || f.Method == e.name) &&
		(f.Conn == 0 || f.Conn == e.event.Conn) &&
		(f.Channel == 0 || f.Channel == e.event.Channel)
}

// means tells whether e is meant.
func (f *Filter) means(e *entry) bool {
	return f.fits(e) && (f.Where == nil || f.Where(e.decoded()))
}
