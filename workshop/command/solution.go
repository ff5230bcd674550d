package command

import (
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"warren.example/workshop/command/view"
	"warren.example/workshop/course"
)

func newSolution(c *console) *cobra.Command {
	asDiff, yes := false, false
	cmd := &cobra.Command{
		Use:   "solution [03/2]",
		Short: "show our solution of an exercise, to compare",
		Long: "Ours is one good way, not the only one: tests judge, not likeness. Before your own is green it asks whether " +
			"you want to see it.",
		Example: examples("solution --diff", "solution 01/2 --yes"),
		Args:    takes(0, 1, "one exercise"),
		RunE: func(cmd *cobra.Command, args []string) error {
			d, err := c.openDesk()
			if err != nil {
				return err
			}
			e, err := d.one(argument(args))
			if err != nil {
				return err
			}
			if !yes && !d.progress.Done(e) {
				shown, err := c.asksForSpoiler(cmd, e)
				if err != nil || !shown {
					return err
				}
			}
			if asDiff {
				diff, err := e.Diff()
				if err != nil {
					return err
				}
				if diff == "" {
					diff = "Yours and ours are the same.\n"
				}
				fmt.Fprint(c.out, view.Diff(c.style, diff))
				return nil
			}
			source, err := os.ReadFile(e.SolutionFile())
			if err != nil {
				return fmt.Errorf("read the solution of %s: %w", e.ID, err)
			}
			fmt.Fprintln(c.out, strings.TrimRight(string(source), "\n"))
			return nil
		},
	}
	cmd.Flags().BoolVar(&asDiff, "diff", false, "show the difference from your file to ours")
	cmd.Flags().BoolVar(&yes, "yes", false, "show it also when yours is not green yet")
	return cmd
}

// asksForSpoiler asks whether an unsolved exercise's solution shall be shown.
func (c *console) asksForSpoiler(cmd *cobra.Command, e course.Exercise) (bool, error) {
	if !c.canAsk() {
		return false, fmt.Errorf("%s is not green yet, and nobody can be asked here: add --yes to see the solution, "+
			"or take a hint: %s", e.ID, goRun("hint "+e.ID))
	}
	return c.ask(cmd.Context(), fmt.Sprintf("%s is not green yet. Show the solution?", e.ID))
}
