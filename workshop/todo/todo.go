// Package todo is the value that unfinished work returns. It knows nothing else, so that an exercise can import it without
// importing the machinery that judges it.
package todo

import "errors"

// Error says that an exercise is not done yet.
type Error struct {
	// Exercise is its id, such as "01/1".
	Exercise string
}

// Error implements the error interface.
func (e *Error) Error() string { return "exercise " + e.Exercise + ": not done yet" }

// New returns the value that the unfinished work of an exercise returns.
func New(exercise string) error { return &Error{Exercise: exercise} }

// Exercise returns the id of the exercise whose unfinished work caused err, and whether there is one.
func Exercise(err error) (id string, ok bool) {
	var e *Error
	if !errors.As(err, &e) {
		return "", false
	}
	return e.Exercise, true
}
