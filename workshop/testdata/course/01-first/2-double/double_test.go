package double_test

import (
	"fmt"
	"strings"
	"testing"

	double "warren.example/01-first/2-double"
)

func TestTwiceAsMuch(t *testing.T) {
	got, err := double.Double(3)
	if err != nil || got != 6 {
		fail(t, err, fmt.Sprintf("Double(3) = %d", got), "6")
	}
}

// fail says in the course's form what is wrong.
func fail(t *testing.T, err error, saw, want string) {
	t.Helper()
	if err != nil && strings.Contains(err.Error(), "not done yet") {
		t.Fatal("not done yet  double.go:6 TODO(01/2)")
	}
	t.Fatalf("\n    saw   %s\n    want  %s\n    why   half of it is missing\n    wire  nothing\n    read  01-first/README.md#names", saw, want)
}
