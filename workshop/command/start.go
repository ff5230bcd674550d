package command

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"warren.example/workshop/command/loop"
	"warren.example/workshop/command/terminal"
	"warren.example/workshop/course"
)

func newStart(c *console) *cobra.Command {
	poll := false
	cmd := &cobra.Command{
		Use:   "start [03/2]",
		Short: "work on the first open exercise; it is judged at every save",
		Long: "The first time it sets up what is needed, which takes about a minute, and says what it does. Where no broker was " +
			"given, minirabbit stands in inside the tests. Keys: h next hint, w what went over the wire, l list, s solution (of " +
			"a green one: compare), r run again, n next, q quit. Without a terminal it says where you stand, and ends.",
		Example: examples("start", "start 01/4"),
		Args:    takes(0, 1, "one exercise"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.start(cmd.Context(), argument(args), poll)
		},
	}
	cmd.Flags().BoolVar(&poll, "poll", false, "look for saves without file events")
	return cmd
}

func (c *console) start(ctx context.Context, name string, poll bool) error {
	d, err := c.openDesk()
	if err != nil {
		return err
	}
	first, err := d.firstOpen(name)
	if err != nil {
		return err
	}
	found, err := c.setUp(ctx, d, first)
	if err != nil {
		return err
	}
	if !c.canWatch() { // nobody works here now
		if err := c.standing(); err != nil {
			return err
		}
		if text := caveat(ctx, d, found); text != "" {
			fmt.Fprintln(c.out, text)
		}
		return nil
	}
	return c.runLoop(ctx, d, first, poll)
}

// firstOpen returns the exercise to begin with: the one that name means, else the first open one, else the last.
func (d *desk) firstOpen(name string) (course.Exercise, error) {
	if name != "" {
		return d.one(name)
	}
	all := d.course.Exercises()
	if open, ok := d.progress.Open(all); ok {
		return open, nil
	}
	if len(all) == 0 {
		return course.Exercise{}, errors.New("the course has no exercises yet")
	}
	return all[len(all)-1], nil
}

// runLoop gives terminal and judge to the loop, and the terminal back when it has ended, however it does.
func (c *console) runLoop(ctx context.Context, d *desk, first course.Exercise, poll bool) error {
	keyboard, err := terminal.OpenKeyboard(c.in.(*os.File))
	if err != nil {
		return err
	}
	defer keyboard.Close()
	style := func() terminal.Style { return terminal.StyleOf(c.out) } // windows change their size
	judge := judge{columns: func() int { return style().Width }}
	err = loop.Run(ctx, loop.Config{
		Course: d.course, Progress: d.progress, First: first,
		Judge: judge.twice, Wire: judge.wire, List: d.entries,
		Keys: keyboard.Keys(), Suspend: keyboard.Suspend, Out: terminal.Output(c.out),
		Style: style, Poll: poll,
	})
	if errors.Is(err, loop.ErrInterrupted) {
		return errInterrupted
	}
	return err
}
