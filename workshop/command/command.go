// Package command is the workshop's command: what each of its sub-commands says and does. What they work with is in other
// packages: course judges, node runs brokers, tap records.
package command

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"
)

// The exit codes.
const (
	exitFine        = 0
	exitFailed      = 1   // something was judged red, or went wrong
	exitUsage       = 2   // the command was typed wrongly
	exitInterrupted = 130 // Ctrl-C, as shells report it: 128 + SIGINT
)

// Run runs the command that args name and returns its exit code. It ends soon after ctx does, and leaves nothing behind then.
func Run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	c := newConsole(stdin, stdout, stderr)
	root := newRoot(c)
	root.SetArgs(args)
	ran, err := root.ExecuteContextC(ctx)
	return c.report(ctx, ran, err)
}

// A usageError is about how the command was typed.
type usageError struct {
	err error
	see string // the command that shows what could be typed instead; "" is the help of the command that was typed
}

func (e usageError) Error() string { return e.err.Error() }
func (e usageError) Unwrap() error { return e.err }

func usagef(format string, args ...any) error { return usageError{err: fmt.Errorf(format, args...)} }

// An exitError ends the command with a code after everything was said.
type exitError struct{ code int }

func (e exitError) Error() string { return fmt.Sprintf("exit code %d", e.code) }

var (
	// errRed ends a command whose judgement is on the screen.
	errRed = exitError{exitFailed}
	// errInterrupted ends a command on Ctrl-C where the terminal gives it as a key.
	errInterrupted = exitError{exitInterrupted}
)

// report says what went wrong, if anything did, and returns the exit code.
func (c *console) report(ctx context.Context, ran *cobra.Command, err error) int {
	var exit exitError
	var usage usageError
	switch {
	case err == nil:
		return exitFine
	case errors.As(err, &exit):
		return exit.code
	case ctx.Err() != nil:
		fmt.Fprintln(c.err, "\ninterrupted")
		return exitInterrupted
	case errors.As(err, &usage):
		if usage.see == "" {
			usage.see = helpFor(ran)
		}
		fmt.Fprintf(c.err, "%s %v\nMore: %s\n", c.errStyle.Red("workshop:"), err, c.errStyle.Cyan(goRun(usage.see)))
		return exitUsage
	}
	fmt.Fprintf(c.err, "%s %v\n", c.errStyle.Red("workshop:"), err)
	return exitFailed
}

// goRun returns a command of the workshop as it is typed in the project's root.
func goRun(command string) string { return "go run ./workshop " + command }

// makeOr returns a command in both forms, for the few that the Makefile has.
func makeOr(command string) string { return "make " + command + " (or " + goRun(command) + ")" }
