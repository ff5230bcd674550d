// Package terminal is what the command knows of the screen and the keyboard: is it a terminal, how wide, may it have
// colour, which key was pressed. It decides no text: package view does.
package terminal

import (
	"io"
	"os"
	"strconv"

	"golang.org/x/term"
)

// Columns that text is laid out for.
const (
	defaultWidth = 80
	minWidth     = 40 // narrower, lines would hold a word or two: let the terminal wrap them
)

// IsTerminal reports whether a stream that a command was given is a terminal.
func IsTerminal(stream any) bool {
	file, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}

// StyleOf returns how to write to out: the width of the terminal, or 80 columns, or what COLUMNS says when out is no
// terminal; colour only on a terminal, and not when NO_COLOR is set (https://no-color.org) or TERM is "dumb".
func StyleOf(out io.Writer) Style {
	style := Style{Width: defaultWidth}
	if !IsTerminal(out) {
		if columns, err := strconv.Atoi(os.Getenv("COLUMNS")); err == nil {
			style.Width = max(columns, minWidth)
		}
		return style
	}
	fd := int(out.(*os.File).Fd())
	if width, _, err := term.GetSize(fd); err == nil && width > 0 {
		style.Width = max(width, minWidth)
	}
	style.CanClear = os.Getenv("TERM") != "dumb" && understandsEscapes(fd)
	style.Colour = style.CanClear && os.Getenv("NO_COLOR") == ""
	return style
}
