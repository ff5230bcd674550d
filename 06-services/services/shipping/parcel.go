package shipping

import "time"

// A State is what has become of a parcel.
type State string

// The states.
const (
	Unknown State = ""        // nobody has confirmed the order
	Waiting State = "waiting" // for somebody who picks its goods
	Picking State = "picking"
	Moving  State = "moving" // it is packed, or further: see moves
	Stopped State = "stopped"
)

// A Cause changes the state of a parcel.
type Cause int

// The causes.
const (
	Confirmed Cause = iota // the order was confirmed
	Recalled               // the order was cancelled or refunded
	Picked                 // its turn has come
	Moved                  // the next step of its way is done
)

// Messages come in any order: an order may be refunded before shipping hears that it was confirmed. So Unknown can be Stopped,
// and Stopped stays so. What is packed is on its way, and comes back through the customer.
var table = map[State]map[Cause]State{
	Unknown: {Confirmed: Waiting, Recalled: Stopped, Picked: Unknown, Moved: Unknown},
	Waiting: {Confirmed: Waiting, Recalled: Stopped, Picked: Picking, Moved: Waiting},
	Picking: {Confirmed: Picking, Recalled: Stopped, Picked: Picking, Moved: Moving},
	Moving:  {Confirmed: Moving, Recalled: Moving, Picked: Moving, Moved: Moving},
	Stopped: {Confirmed: Stopped, Recalled: Stopped, Picked: Stopped, Moved: Stopped},
}

// After returns the state after a cause.
func (s State) After(c Cause) State { return table[s][c] }

// way is the way of a parcel: its first move is number 1.
var way = []string{"packed", "sent", "delivered"}

// A Move is a step of a parcel's way.
type Move struct {
	Number int       `json:"number"`
	Status string    `json:"status"`
	At     time.Time `json:"at"`
}

// A Parcel is what a customer gets to see of it.
type Parcel struct {
	Order  string `json:"order"`
	Status string `json:"status"` // of the last move; before the first one, the State
	Moves  []Move `json:"moves"`  // 1, 2, 3: without gap
}

// track makes the tracking page of a parcel from the moves that have come, sorted by number. A move is shown when all before it
// are (05/4): "delivered" without "sent" would be a riddle. No gap is given up, since no message is lost: at worst it is
// parked, and shown when a human has replayed it.
func track(order string, state State, came []Move) Parcel {
	p := Parcel{Order: order, Status: string(state), Moves: []Move{}}
	for _, m := range came {
		if m.Number != len(p.Moves)+1 {
			break
		}
		p.Moves = append(p.Moves, m)
		p.Status = m.Status
	}
	return p
}
