package main

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// writeBindings shows what leads where: key or headers, and the queue or exchange behind.
func writeBindings(w io.Writer, p plan) {
	width := 0
	for _, b := range p.bindings {
		width = max(width, utf8.RuneCountInString(b.text))
	}
	for _, x := range p.exchanges {
		name := x.full()
		if name == "" {
			name = "(default)"
		}
		fmt.Fprintf(w, "%s %s\n", name, x.kind)
		for _, b := range p.bindings {
			if b.from == x.name {
				fmt.Fprintf(w, "  ─ %-*s ─► %s\n", width, b.text, prefix+b.to)
			}
		}
	}
}

// A table has a column for each queue and a line for each message.
type table struct {
	w      io.Writer
	first  int // width of the first column
	queues []string
}

func newTable(w io.Writer, p plan) *table {
	t := &table{w, len("message"), p.queues()}
	for _, m := range p.messages {
		t.first = max(t.first, utf8.RuneCountInString(m))
	}
	fmt.Fprintf(w, "\n%-*s  %s\n", t.first, "message", strings.Join(t.queues, "  "))
	return t
}

// write adds the line of a message.
func (t *table) write(message string, got result) {
	line := fmt.Sprintf("%-*s", t.first, message)
	for _, q := range t.queues {
		n := "·"
		if got.copies[q] > 0 {
			n = fmt.Sprint(got.copies[q])
		}
		line += fmt.Sprintf("  %-*s", utf8.RuneCountInString(q), n)
	}
	if got.returned {
		line += "  returned: no queue"
	}
	fmt.Fprintln(t.w, strings.TrimRight(line, " "))
}
