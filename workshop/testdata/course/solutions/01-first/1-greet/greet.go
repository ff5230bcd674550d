// Package greet greets.
package greet

import "errors"

// Greet greets somebody by name.
//   - Nobody, the empty name, is an error.
func Greet(name string) (string, error) {
	if name == "" {
		return "", errors.New("greet: nobody is there")
	}
	return "Hello, " + name + ".", nil
}
