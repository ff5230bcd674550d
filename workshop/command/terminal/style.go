package terminal

import (
	"strings"
	"unicode/utf8"
)

// A Style says how text is laid out. The zero value is plain text without a limit of width.
type Style struct {
	Colour   bool
	CanClear bool // the screen can be cleared, and a line be written over
	Width    int  // columns; 0: no limit
}

// Clear returns what clears the screen, or what sets off the next drawing where that can't be done.
func (s Style) Clear() string {
	if s.CanClear {
		return "\x1b[H\x1b[2J"
	}
	return "\n"
}

// Bold returns text in bold.
func (s Style) Bold(text string) string { return s.paint("1", text) }

// Faint returns text that stands back.
func (s Style) Faint(text string) string { return s.paint("2", text) }

// Red returns text in red: something is wrong.
func (s Style) Red(text string) string { return s.paint("31", text) }

// Green returns text in green: it holds.
func (s Style) Green(text string) string { return s.paint("32", text) }

// Yellow returns text in yellow: look here, nothing is wrong.
func (s Style) Yellow(text string) string { return s.paint("33", text) }

// Cyan returns text in cyan: something to type or to open.
func (s Style) Cyan(text string) string { return s.paint("36", text) }

// EraseLine returns what empties the line that the cursor is on, and nothing where that can't be done.
func (s Style) EraseLine() string {
	if s.CanClear {
		return "\r\x1b[K"
	}
	return ""
}

func (s Style) paint(code, text string) string {
	if !s.Colour || text == "" {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

// Fit returns one line of plain text, cut to width columns with "…" at the end where it is longer. Width 0: no limit.
func Fit(text string, width int) string {
	text, _, more := strings.Cut(text, "\n")
	if more {
		text += " …"
	}
	if width <= 0 || utf8.RuneCountInString(text) <= width {
		return text
	}
	runes := []rune(text)
	return strings.TrimRight(string(runes[:width-1]), " ") + "…"
}

// Pad returns plain text, filled with blanks on the right to width columns.
func Pad(text string, width int) string {
	if missing := width - utf8.RuneCountInString(text); missing > 0 {
		return text + strings.Repeat(" ", missing)
	}
	return text
}

// Wrap breaks plain text between words so that no line is wider than width, where words allow it. Line breaks in text
// are kept. Every line but the first begins with indent, which counts. Width 0: no limit.
func Wrap(text string, width int, indent string) string {
	var wrapped strings.Builder
	for i, paragraph := range strings.Split(text, "\n") {
		if i > 0 {
			wrapped.WriteString("\n" + indent)
		}
		room := width - utf8.RuneCountInString(indent)
		column := 0
		for j, word := range strings.Split(paragraph, " ") {
			length := utf8.RuneCountInString(word)
			switch {
			case j == 0:
			case width > 0 && column+1+length > room:
				wrapped.WriteString("\n" + indent)
				column = 0
			default:
				wrapped.WriteByte(' ')
				column++
			}
			wrapped.WriteString(word)
			column += length
		}
	}
	return wrapped.String()
}
