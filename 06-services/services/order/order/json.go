package order

import (
	"encoding/json"
	"fmt"
)

// Encode writes an event as it is stored: its name stands beside.
func Encode(e Event) ([]byte, error) { return json.Marshal(e) }

// Decode reads an event that Encode has written. An unknown name is an error: an order that lacks an event is a wrong order.
func Decode(name string, body []byte) (Event, error) {
	read, ok := readers[name]
	if !ok {
		return nil, fmt.Errorf("unknown event %q", name)
	}
	e, err := read(body)
	if err != nil {
		return nil, fmt.Errorf("read event %q: %w", name, err)
	}
	return e, nil
}

var readers = map[string]func([]byte) (Event, error){
	WasPlaced{}.Name():        read[WasPlaced],
	WasReserved{}.Name():      read[WasReserved],
	WasConfirmed{}.Name():     read[WasConfirmed],
	WasCancelled{}.Name():     read[WasCancelled],
	RefundWasAsked{}.Name():   read[RefundWasAsked],
	RefundGotStuck{}.Name():   read[RefundGotStuck],
	RefundWasResumed{}.Name(): read[RefundWasResumed],
	WasRefunded{}.Name():      read[WasRefunded],
	WasOvercharged{}.Name():   read[WasOvercharged],
	WasRepaid{}.Name():        read[WasRepaid],
}

func read[E Event](body []byte) (Event, error) {
	var e E
	err := json.Unmarshal(body, &e)
	return e, err
}
