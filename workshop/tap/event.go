package tap

import (
	"fmt"
	"time"

	"warren.example/workshop/wire"
)

// A Side is where something came from.
type Side int

// The sides. A Filter whose From is 0 means any.
const (
	Client Side = iota + 1 // the program that dialled the tap: "you"
	Broker                 // what the tap dialled
	Here                   // the tap itself: notes, faults, connections that come and go, what it says to the broker
)

// String returns "you", "broker" or "tap".
func (s Side) String() string {
	switch s {
	case Client:
		return "you"
	case Broker:
		return "broker"
	case Here:
		return "tap"
	}
	return "nobody"
}

// other returns the side at the far end.
func (s Side) other() Side {
	if s == Client {
		return Broker
	}
	return Client
}

// A Fate is what became of a unit on its way through the tap.
type Fate int

// The fates. Passed, Changed, Delayed and Injected reach the other side; Held does so if its rule is released.
const (
	Passed   Fate = iota // forwarded, byte for byte
	Changed              // forwarded with other numbers, because a fault took something out of the order
	Delayed              // forwarded, but later
	Held                 // kept back by a rule until Rule.Release
	Dropped              // taken out; the other side never sees it
	Injected             // said by the tap in the name of the side it seems to come from
)

// String returns "passed", "changed", "delayed", "held", "dropped" or "injected".
func (f Fate) String() string {
	names := [...]string{"passed", "changed", "delayed", "held", "dropped", "injected"}
	if f < 0 || int(f) >= len(names) {
		return fmt.Sprintf("fate %d", int(f))
	}
	return names[f]
}

// An Event is one entry of a recording: a unit that came by, or something that happened here. A unit is a method with
// its content header and its body; heartbeats are left out.
type Event struct {
	Seq      int           // 1, 2, 3 … over all connections: recorded in this order, each before its bytes went on
	At       time.Duration // since the tap started
	Conn     int           // number of the connection, from 1; 0 for what belongs to none
	Channel  uint16
	From     Side
	Method   wire.Method         // nil for events from Here, protocol headers and what could not be read
	Header   *wire.ContentHeader // nil for methods without content
	Body     []byte              // at most Config.BodyLimit bytes of it
	BodySize uint64              // the whole body, in bytes
	Text     string              // what a note says, or what is known of bytes that could not be read
	Fate     Fate
	Fault    string // the fault that decided the fate, as it prints itself; empty if none did
	Number   uint64 // of a publish in confirm mode: the delivery tag that its confirm has

	kind kind
}

// kind tells apart what has no method.
type kind uint8

const (
	aUnit       kind = iota // a method and its content
	aHeader                 // the protocol header
	aNote                   // Recording.Note
	aFault                  // a fault or an injection at work
	aConnect                // a connection came
	aDisconnect             // a connection went
	unreadable              // bytes that are no AMQP
)

// Name returns the method's name, as "basic.publish". What has no method is called "protocol-header", "note", "fault",
// "connect", "disconnect" or "unreadable".
func (e Event) Name() string {
	switch {
	case e.Method != nil:
		return e.Method.Name()
	case e.From == Here && e.kind == aUnit:
		return kindNames[aNote]
	}
	return kindNames[e.kind]
}

var kindNames = [...]string{
	aUnit: "unreadable", aHeader: "protocol-header", aNote: "note", aFault: "fault",
	aConnect: "connect", aDisconnect: "disconnect", unreadable: "unreadable",
}
