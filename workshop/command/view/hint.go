package view

import (
	"fmt"

	"warren.example/workshop/command/terminal"
	"warren.example/workshop/course"
)

// Rung shows one rung of a ladder of hints that has so many.
func Rung(s terminal.Style, rung course.Rung, of int) string {
	title := terminal.Wrap(fmt.Sprintf("%d of %d  %s", rung.Number, of, rung.Title), s.Width, "          ")
	return "  " + s.Yellow(title) + "\n" + Markdown(s, rung.Text, "          ")
}
