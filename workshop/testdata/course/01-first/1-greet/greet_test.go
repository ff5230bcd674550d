package greet_test

import (
	"strings"
	"testing"

	greet "warren.example/01-first/1-greet"
)

func TestGreetingNamesWho(t *testing.T) {
	greeting, err := greet.Greet("Ada")
	if err != nil || !strings.Contains(greeting, "Ada") {
		fail(t, err, "Greet(Ada) = "+greeting, "a greeting with Ada in it")
	}
}

func TestNobodyIsAnError(t *testing.T) {
	_, err := greet.Greet("")
	if err == nil || strings.Contains(err.Error(), "not done yet") {
		fail(t, err, "Greet() = nil", "an error")
	}
}

// fail says in the course's form what is wrong.
func fail(t *testing.T, err error, saw, want string) {
	t.Helper()
	if err != nil && strings.Contains(err.Error(), "not done yet") {
		t.Fatal("not done yet  greet.go:7 TODO(01/1)")
	}
	t.Fatalf("\n    saw   %s\n    want  %s\n    why   who is not named does not feel greeted\n    wire  nothing\n    read  01-first/README.md#names", saw, want)
}
