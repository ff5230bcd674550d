package view

import (
	"strings"

	"warren.example/workshop/command/terminal"
)

// Markdown shows Markdown as readable text: paragraphs and points of lists are wrapped to the screen, code stays as it is.
func Markdown(s terminal.Style, text, indent string) string {
	var b strings.Builder
	var paragraph []string
	flush := func() {
		if len(paragraph) == 0 {
			return
		}
		hang := indent
		if isPoint(paragraph[0]) {
			hang += "  "
		}
		b.WriteString(indent + terminal.Wrap(strings.Join(paragraph, " "), s.Width, hang) + "\n")
		paragraph = nil
	}
	inCode := false
	for _, line := range strings.Split(strings.Trim(text, "\n"), "\n") {
		trimmed := strings.TrimSpace(line)
		isFence := strings.HasPrefix(trimmed, "```")
		switch {
		case isFence:
			flush()
			inCode = !inCode
		case inCode || (len(paragraph) == 0 && isIndented(line)):
			b.WriteString(code(s, line, indent, inCode))
		case trimmed == "":
			flush()
			b.WriteByte('\n')
		case isPoint(trimmed):
			flush()
			paragraph = []string{trimmed}
		default:
			paragraph = append(paragraph, trimmed)
		}
	}
	flush()
	return b.String()
}

// code is one line of code, without the indentation that made it code outside of a fence.
func code(s terminal.Style, line, indent string, isFenced bool) string {
	if !isFenced {
		line = strings.TrimPrefix(strings.TrimPrefix(line, "    "), "\t")
	}
	line = strings.TrimRight(strings.ReplaceAll(line, "\t", "    "), " ")
	if line == "" {
		return "\n"
	}
	return indent + "  " + s.Cyan(line) + "\n"
}

func isPoint(line string) bool {
	return strings.HasPrefix(line, "- ") || strings.HasPrefix(line, "* ")
}

// isIndented reports whether a line is code by its indentation.
func isIndented(line string) bool {
	return (strings.HasPrefix(line, "    ") || strings.HasPrefix(line, "\t")) && strings.TrimSpace(line) != ""
}
