package command

import (
	"fmt"

	"github.com/spf13/cobra"

	"warren.example/workshop/command/view"
)

func newNext(c *console) *cobra.Command {
	return &cobra.Command{
		Use:   "next",
		Short: "say which exercise is next and where it begins",
		Args:  takes(0, 0, ""),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.standing()
		},
	}
}

// standing says how far the learner is, and where to go on.
func (c *console) standing() error {
	d, err := c.openDesk()
	if err != nil {
		return err
	}
	all := d.course.Exercises()
	done := 0
	for _, e := range all {
		if d.progress.Done(e) {
			done++
		}
	}
	open, ok := d.progress.Open(all)
	if !ok {
		fmt.Fprintf(c.out, "All %d exercises are green.\n", len(all))
		return nil
	}
	fmt.Fprintf(c.out, "%s · %d of %d done\n", c.style.Bold(view.Title(open)), done, len(all))
	fmt.Fprintf(c.out, "  lesson    %s/README.md\n", open.Chapter)
	fmt.Fprintf(c.out, "  the work  %s\n", c.style.Cyan(view.Place(open)))
	fmt.Fprintf(c.out, "  judged    at every save: %s\n", c.style.Cyan(makeOr("start")))
	fmt.Fprintf(c.out, "            once: %s\n", c.style.Cyan(goRun("check "+open.ID)))
	return nil
}
