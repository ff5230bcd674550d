// Package version says which RabbitMQ is imitated and what that one does differently from others. Each difference has a
// name of its own, so that the rest of the broker never compares numbers.
package version

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
)

// Version is a version of RabbitMQ. The zero value is none: use V310, V40, V43 or Parse.
type Version struct{ major, minor, patch int }

// The versions that minirabbit was compared with.
var (
	V310 = Version{3, 10, 8}
	V40  = Version{4, 0, 5}
	V43  = Version{4, 3, 5}
)

// Parse reads "3.10", "4.0" or "4.3", or the whole version of one of those: V310, V40 and V43. Others give an error, since
// nobody compared minirabbit with them.
func Parse(text string) (Version, error) {
	for _, v := range []Version{V310, V40, V43} {
		if short := fmt.Sprintf("%d.%d", v.major, v.minor); text == short || text == v.String() {
			return v, nil
		}
	}
	if text == "" || !strings.Contains(text, ".") {
		return Version{}, fmt.Errorf("version %s: want 3.10, 4.0 or 4.3", strconv.Quote(text))
	}
	return Version{}, fmt.Errorf("version %s is not imitated: want 3.10, 4.0 or 4.3", strconv.Quote(text))
}

// String gives "4.0.5", as in the server properties.
func (v Version) String() string { return fmt.Sprintf("%d.%d.%d", v.major, v.minor, v.patch) }

// atLeast tells whether v is major.minor or later.
func (v Version) atLeast(major, minor int) bool {
	return cmp.Or(cmp.Compare(v.major, major), cmp.Compare(v.minor, minor)) >= 0
}
