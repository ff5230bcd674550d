package routing

import "errors"

// Rules are the points on which versions of RabbitMQ route differently. The zero value is RabbitMQ 4.0.
type Rules struct {
	// LooseNumbers: to a headers exchange the integer 1 and the floating-point number 1.0 are equal.
	LooseNumbers bool
	// Seconds: to a headers exchange a timestamp in a message is its number of seconds, as in a binding. Otherwise it is
	// a number of milliseconds, and a timestamp in a binding never equals the same timestamp in a message.
	Seconds bool
	// Latin1: errors that quote a text take each of its bytes for a character.
	Latin1 bool
	// MaxWeight is the highest weight of a binding of a consistent-hash exchange; 0 means that there is none.
	MaxWeight int64
}

// The rules of RabbitMQ 3.10, 4.0 and 4.3.
var (
	Rules310 = Rules{LooseNumbers: true, Seconds: true, Latin1: true}
	Rules40  = Rules{}
	Rules43  = Rules{MaxWeight: 10_000}
)

// ErrInternal is what Declare gives for arguments that RabbitMQ fails at instead of refusing them: it closes the connection
// with 541 and no further text.
var ErrInternal = errors.New("internal error")

// Refusal is why RabbitMQ would not accept a declaration, a binding or a message: what follows "PRECONDITION_FAILED - " in
// its answer, code 406.
type Refusal string

// Error returns the text as RabbitMQ words it.
func (r Refusal) Error() string { return string(r) }
