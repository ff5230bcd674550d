// The greeting forgets the name. In production nobody answers.
//
// want TestGreetingNamesWho: "a greeting with Ada in it"

package greet

import "errors"

func Greet(name string) (string, error) {
	if name == "" {
		return "", errors.New("greet: nobody is there")
	}
	return "Hello.", nil
}
