// Package todo stands for the real one.
package todo

import "errors"

// New returns the value that the unfinished work of an exercise returns.
func New(exercise string) error { return errors.New("exercise " + exercise + ": not done yet") }
