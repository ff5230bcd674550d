package command

import (
	"fmt"

	"github.com/spf13/cobra"

	"warren.example/workshop/command/view"
)

func newHint(c *console) *cobra.Command {
	all := false
	cmd := &cobra.Command{
		Use:   "hint [03/2]",
		Short: "show the next rung of an exercise's ladder of hints",
		Long: "Each call goes one rung further: a nudge, the idea, the shape of the code. Without an id it is about the " +
			"exercise of the folder you are in, else about the first open one.",
		Example: examples("hint", "hint 01/2", "hint 01/2 --all"),
		Args:    takes(0, 1, "one exercise"),
		RunE: func(_ *cobra.Command, args []string) error {
			d, err := c.openDesk()
			if err != nil {
				return err
			}
			e, err := d.one(argument(args))
			if err != nil {
				return err
			}
			rungs, err := e.Hints()
			if err != nil {
				return err
			}
			if len(rungs) == 0 {
				return fmt.Errorf("%s has no hints yet: read %s/README.md", e.ID, e.Chapter)
			}
			shown := d.progress.HintsShown(e)
			from, to := min(shown, len(rungs)-1), min(shown+1, len(rungs))
			if all {
				from, to = 0, len(rungs)
			}
			fmt.Fprintf(c.out, "%s\n", c.style.Bold(view.Title(e)))
			for _, rung := range rungs[from:to] {
				fmt.Fprint(c.out, view.Rung(c.style, rung, len(rungs)))
			}
			switch {
			case shown >= len(rungs) && !all:
				fmt.Fprintf(c.out, "That was the last one. All of them again: %s. A solution: %s\n",
					c.style.Cyan(goRun("hint "+e.ID+" --all")), c.style.Cyan(goRun("solution "+e.ID)))
			case to < len(rungs) && d.progress.Done(e):
				fmt.Fprintf(c.out, "%s is green already. Compare with ours: %s. More hints: %s\n",
					e.ID, c.style.Cyan(goRun("solution --diff "+e.ID)), c.style.Cyan(goRun("hint "+e.ID)))
			case to < len(rungs):
				fmt.Fprintf(c.out, "Try it now. More: %s\n", c.style.Cyan(goRun("hint "+e.ID)))
			}
			return d.progress.ShowHint(e, max(shown, to))
		},
	}
	cmd.Flags().BoolVar(&all, "all", false, "show the whole ladder")
	return cmd
}

// argument returns the only argument, "" when there is none.
func argument(args []string) string {
	if len(args) == 0 {
		return ""
	}
	return args[0]
}
