package lab

import (
	"fmt"
	"slices"
	"strings"
)

// label tells this call's goroutines from those of the lab's other calls.
func (c *Call) label() string { return fmt.Sprintf("%p", c) }

// standing says where the function's own goroutine is now: "; it stands at hello.go:31".
func (c *Call) standing() string {
	for _, g := range goroutines(callLabel, c.label()) {
		if slices.ContainsFunc(g.frames, func(f frame) bool { return f.function == own+"(*Call).run" }) {
			return doing("; it stands at ", g.frames)
		}
	}
	return ""
}

// states says how the learner's functions are doing, for claims about something that did not come. What several do is
// said once.
func (l *Lab) states() string {
	var lines []string
	times := make(map[string]int)
	for _, c := range l.allCalls() {
		line := c.state()
		if times[line]++; times[line] == 1 {
			lines = append(lines, line)
		}
	}
	for i, line := range lines {
		if n := times[line]; n > 1 {
			lines[i] = fmt.Sprintf("%d × %s", n, line)
		}
	}
	return strings.Join(lines, "\n")
}

// state says how the function is doing.
func (c *Call) state() string {
	switch {
	case c.Running():
		return c.name + " is running" + c.standing()
	case c.err == nil:
		return c.name + " has returned nil"
	}
	return fmt.Sprintf("%s has returned %q", c.name, c.err)
}

// whereabouts lists where goroutines stand and where they were started, each place once.
func whereabouts(all []goroutine) string {
	var places []string
	for _, g := range withStart(all) {
		at := doing("\n", g.frames) + place(", started at ", []frame{g.start})
		if !slices.Contains(places, at) {
			places = append(places, at)
		}
	}
	return strings.Join(places, "")
}
