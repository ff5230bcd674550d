package diagram

import (
	"fmt"
	"strings"

	"warren.example/workshop/tap"
)

// worthFolding is how many events of a kind are drawn one by one in a stretch.
const worthFolding = 4

// group is one row of a diagram: an event, or several that are alike.
type group struct {
	first, last tap.Event
	n           int
}

// label returns what the group says: `ack tag=1…98 × 98`.
func (g group) label() string {
	if g.n == 1 {
		return gist(g.first)
	}
	return fmt.Sprintf("%s × %d", between(gist(g.first), gist(g.last)), g.n)
}

// gist is Event.Gist, and says so where bytes could not be read.
func gist(e tap.Event) string {
	if e.Name() == "unreadable" {
		return "unreadable: " + e.Gist()
	}
	return e.Gist()
}

// fold puts events together that are alike. In a stretch of nothing but messages and answers to them it is the number that
// tells something, not how they alternate: so a kind that comes often becomes one group, where its first one was. Of a few
// it tells more which came before what, a return before its ack say: they stay where they are.
func fold(events []tap.Event, unfolded bool) []group {
	var groups []group
	for len(events) > 0 {
		n := max(stretch(events), 1)
		times := map[string]int{}
		for _, e := range events[:n] {
			times[kindOf(e)]++
		}
		at := map[string]int{}
		for _, e := range events[:n] {
			k := kindOf(e)
			i, ok := at[k]
			if !ok || times[k] <= worthFolding || unfolded {
				at[k] = len(groups)
				groups = append(groups, group{e, e, 1})
				continue
			}
			groups[i].last = e
			groups[i].n++
		}
		events = events[n:]
	}
	return groups
}

// stretch returns how many of the first events are messages and answers that came through; or, if the first one met another
// fate, how many like it follow it.
func stretch(events []tap.Event) int {
	n := 0
	for n < len(events) && repeats(events[n]) {
		if events[0].Fate != events[n].Fate || events[0].Fault != events[n].Fault {
			break
		}
		n++
	}
	return n
}

// repeats tells whether an event is of a kind that comes many times over.
func repeats(e tap.Event) bool {
	switch e.Name() {
	case "basic.publish", "basic.deliver", "basic.return", "basic.get", "basic.get-ok",
		"basic.ack", "basic.nack", "basic.reject":
		return e.From != tap.Here
	}
	return false
}

// kindOf is the same for events that differ in numbers only.
func kindOf(e tap.Event) string {
	return fmt.Sprintf("%d %d ", e.From, e.Channel) + strings.Map(func(r rune) rune {
		if isDigit(r) {
			return -1
		}
		return r
	}, e.Gist())
}

func isDigit(r rune) bool { return '0' <= r && r <= '9' }

// between returns what two texts have in common, and where they differ, both: "tag=1" and "tag=98" give "tag=1…98".
func between(first, last string) string {
	a, b := strings.Fields(first), strings.Fields(last)
	if len(a) != len(b) {
		return first
	}
	for i := range a {
		a[i] = betweenWords(a[i], b[i])
	}
	return strings.Join(a, " ")
}

func betweenWords(a, b string) string {
	if a == b {
		return a
	}
	front := 0
	for front < min(len(a), len(b)) && a[front] == b[front] {
		front++
	}
	for front > 0 && isDigit(rune(a[front-1])) { // a number stays whole
		front--
	}
	back := 0
	for back < min(len(a), len(b))-front && a[len(a)-1-back] == b[len(b)-1-back] && !isDigit(rune(a[len(a)-1-back])) {
		back++
	}
	return a[:len(a)-back] + "…" + b[front:len(b)-back] + a[len(a)-back:]
}
