package gotest

import (
	"regexp"
	"strings"
)

// notYet is what every unfinished exercise's tests say; package lab prints it.
const notYet = "not done yet"

var (
	labelLine = regexp.MustCompile(`^(saw|want|why|wire|read)\s{2,}(\S.*)$`)
	sourceRef = regexp.MustCompile(`^[\w.-]+\.go:\d+: `)
)

// notDone reports whether a failure says that the work is not done yet, and where it is, if it says so.
func notDone(text string) (unfinished bool, place string) {
	for line := range strings.Lines(text) {
		if _, after, found := strings.Cut(line, notYet); found {
			return true, strings.TrimSpace(after)
		}
	}
	return false, ""
}

// parseClaim finds the five labels in what a test printed. It returns nil when "saw" or "want" is missing.
//
//	saw   order-7 was acked before its handler returned
//	      order-7 is gone
//	want  order-7 is still in inventory.commands
//	why   …
func parseClaim(text string) *Claim {
	var c Claim
	fields := map[string]*string{"saw": &c.Saw, "want": &c.Want, "why": &c.Why, "wire": &c.Wire, "read": &c.Read}
	var field *string
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, " \r\n")
		m := labelLine.FindStringSubmatch(strings.TrimSpace(line))
		switch {
		case m != nil:
			field = fields[m[1]]
			if *field != "" { // a second claim in the same test: the first counts
				return c.complete()
			}
			*field = m[2]
		case field == &c.Saw && strings.HasPrefix(line, "      "):
			c.Saw += "\n" + strings.TrimSpace(line)
		default:
			field = nil
		}
	}
	return c.complete()
}

func (c Claim) complete() *Claim {
	if c.Saw == "" || c.Want == "" {
		return nil
	}
	return &c
}

// needs returns what a skipped test said, without the place in the source.
func needs(text string) string {
	var words []string
	for line := range strings.Lines(text) {
		words = append(words, strings.Fields(sourceRef.ReplaceAllString(strings.TrimSpace(line), ""))...)
	}
	return strings.Join(words, " ")
}

// dedent takes away the indentation that all lines share; package testing indents what tests say.
func dedent(text string) string {
	shared := -1
	for line := range strings.Lines(text) {
		if strings.TrimSpace(line) == "" {
			continue
		}
		if n := len(line) - len(strings.TrimLeft(line, " ")); shared < 0 || n < shared {
			shared = n
		}
	}
	if shared <= 0 {
		return text
	}
	var b strings.Builder
	for line := range strings.Lines(text) {
		b.WriteString(line[min(shared, len(line)-len(strings.TrimLeft(line, " "))):])
	}
	return b.String()
}
