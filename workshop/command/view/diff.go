package view

import (
	"strings"

	"warren.example/workshop/command/terminal"
)

// Diff colours a difference in unified form.
func Diff(s terminal.Style, diff string) string {
	lines := strings.Split(diff, "\n")
	for i, line := range lines {
		switch {
		case strings.HasPrefix(line, "+++"), strings.HasPrefix(line, "---"):
			lines[i] = s.Bold(line)
		case strings.HasPrefix(line, "+"):
			lines[i] = s.Green(line)
		case strings.HasPrefix(line, "-"):
			lines[i] = s.Red(line)
		case strings.HasPrefix(line, "@@"):
			lines[i] = s.Cyan(line)
		}
	}
	return strings.Join(lines, "\n")
}
