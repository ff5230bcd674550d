// Package greet greets.
package greet

// Greet greets somebody by name.
//   - Nobody, the empty name, is an error.
func Greet(name string) (string, error) {
	// TODO(01/1): greet.
	return "", notDone
}
