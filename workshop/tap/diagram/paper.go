package diagram

import (
	"strings"
	"unicode/utf8"
)

// row is one line between the two lifelines.
type row struct {
	shape      shape
	label      string
	fromBroker bool
}

// shape is what a row looks like.
type shape int

const (
	arrow   shape = iota // from one lifeline to the other
	lost                 // an arrow that ends on the way
	held                 // an arrow that is stopped on the way
	fromTap              // an arrow that begins on the way
	remark               // about the row above
	note                 // something that was no message
	end                  // both lifelines end
	still                // both lifelines go on
)

const (
	margin   = 5 // columns before the left lifeline
	halfway  = 6 // columns that are missing to an arrow that doesn't go the whole way
	fewest   = 40
	overhead = 6 + halfway // what an arrow needs beside its label
)

// paper is what a diagram is drawn on.
type paper struct {
	text  strings.Builder
	inner int // columns between the lifelines
}

// newPaper chooses the distance of the lifelines so that all rows fit, if width allows.
func newPaper(rows []row, width int) *paper {
	inner := fewest
	for _, r := range rows {
		inner = max(inner, utf8.RuneCountInString(r.label)+overhead)
	}
	return &paper{inner: max(min(inner, width-margin-2), overhead+1)}
}

// head writes the title and the names of the lifelines.
func (p *paper) head(title string) {
	p.text.WriteString(title + "\n\n")
	p.text.WriteString(strings.Repeat(" ", margin-1) + "you" + strings.Repeat(" ", p.inner-4) + "broker\n")
}

// draw writes a row.
func (p *paper) draw(r row) {
	left, right := "│", "│"
	var middle string
	label := p.cut(r.label)
	switch r.shape {
	case remark:
		middle = p.pad("      ↳ " + label)
	case note:
		middle = p.pad("  * " + label)
	case end:
		left, right = "└", "┘"
		middle = p.line("─ "+label+" ", p.inner)
	case still:
		left, right = "┊", "┊"
		middle = p.pad("")
	default:
		middle = p.arrow(r, label)
	}
	p.text.WriteString(strings.Repeat(" ", margin) + left + middle + right + "\n")
}

// arrow draws from the sender's end to the receiver's, and turns it round for the broker.
func (p *paper) arrow(r row, label string) string {
	gap := strings.Repeat(" ", halfway)
	var tail, tip string // where the arrow begins and where it ends
	length := p.inner
	switch r.shape {
	case arrow:
		tail, tip = "── ", "▶"
	case lost:
		tail, tip = "── ", "✗"+gap
	case held:
		tail, tip = "── ", "║"+gap
	case fromTap:
		tail, tip = gap+"● ", "▶"
	}
	length -= utf8.RuneCountInString(tail) + utf8.RuneCountInString(label) + utf8.RuneCountInString(tip) + 1
	shaft := strings.Repeat("─", max(length, 0))
	if !r.fromBroker {
		return tail + label + " " + shaft + tip
	}
	return reverse(tip) + shaft + " " + label + reverse(tail)
}

// reverse mirrors the end of an arrow.
func reverse(end string) string {
	var mirrored strings.Builder
	runes := []rune(end)
	for i := len(runes) - 1; i >= 0; i-- {
		if runes[i] == '▶' {
			runes[i] = '◀'
		}
		mirrored.WriteRune(runes[i])
	}
	return mirrored.String()
}

// cut shortens a label that the paper has no room for.
func (p *paper) cut(label string) string {
	room := p.inner - overhead
	if utf8.RuneCountInString(label) <= room {
		return label
	}
	return string([]rune(label)[:room-1]) + "…"
}

func (p *paper) pad(s string) string {
	return s + strings.Repeat(" ", max(0, p.inner-utf8.RuneCountInString(s)))
}

func (p *paper) line(s string, length int) string {
	return s + strings.Repeat("─", max(0, length-utf8.RuneCountInString(s)))
}
