package broker

import (
	"errors"
	"fmt"
)

// ErrNone is returned by Find when there is no broker. Its text says what to type. Tests don't see it: they have minirabbit.
var ErrNone = errors.New("no broker is running: type `go run ./workshop up` in the project's root for a RabbitMQ, " +
	"`go run ./workshop up --mini` for a stand-in, or set WORKSHOP_AMQP_URL to the URL of a RabbitMQ (an administrator's)")

// ErrClosed is returned by the methods of a source that was closed and of a lease that was released.
var ErrClosed = errors.New("the broker was given back")

// An UnsupportedError says that a source can not do what was asked, now or later. Tests skip on it.
type UnsupportedError struct {
	Ability Ability // what was asked for
	Source  string  // the source that can't, as its Name says
}

// Error says what was needed and who lacks it.
func (e *UnsupportedError) Error() string {
	return fmt.Sprintf("needs a broker with %q, which %s does not offer", string(e.Ability), e.Source)
}
