package command

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"warren.example/workshop/command/terminal"
)

// A console is where a command reads and writes. Results go to out; progress, questions and errors to err, so that a
// result can be piped.
type console struct {
	in       io.Reader
	out, err io.Writer

	style, errStyle terminal.Style // of out and err
}

func newConsole(in io.Reader, out, err io.Writer) *console {
	return &console{in: in, out: out, err: err, style: terminal.StyleOf(out), errStyle: terminal.StyleOf(err)}
}

// canAsk reports whether somebody sits there who can answer a question.
func (c *console) canAsk() bool { return terminal.IsTerminal(c.in) && terminal.IsTerminal(c.err) }

// canWatch reports whether keys can be read and the screen be drawn anew.
func (c *console) canWatch() bool { return terminal.IsTerminal(c.in) && terminal.IsTerminal(c.out) }

// ask puts a question that is answered by y or n and Enter. Anything but yes is no. The error is ctx's, after Ctrl-C.
func (c *console) ask(ctx context.Context, question string) (bool, error) {
	fmt.Fprintf(c.err, "%s [y/N] ", question)
	answer := make(chan string, 1)
	go func() { // a read from a terminal can't be called off: it ends with the process
		line, _ := bufio.NewReader(c.in).ReadString('\n')
		answer <- line
	}()
	select {
	case <-ctx.Done():
		return false, ctx.Err()
	case line := <-answer:
		line = strings.ToLower(strings.TrimSpace(line))
		return line == "y" || line == "yes", nil
	}
}

// progress says what goes on, in a line of its own.
func (c *console) progress(format string, args ...any) {
	fmt.Fprintln(c.err, c.errStyle.Faint(terminal.Fit(fmt.Sprintf(format, args...), c.errStyle.Width)))
}

// remark says something that should be read, in as many lines as it takes.
func (c *console) remark(text string) {
	fmt.Fprintln(c.err, c.errStyle.Yellow(terminal.Wrap(text, c.errStyle.Width, "")))
}

func (c *console) printJSON(value any) error {
	encoder := json.NewEncoder(c.out)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	return encoder.Encode(value)
}
