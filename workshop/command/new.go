package command

import (
	"fmt"

	"github.com/spf13/cobra"

	"warren.example/workshop/course"
)

func newNew(c *console) *cobra.Command {
	scaffold := course.Scaffold{}
	cmd := &cobra.Command{
		Use:   "new 03/7 NAME",
		Short: "make the files of a new exercise, for who writes the course",
		Long: "NAME is in lower case, with digits and hyphens. Skeleton, tests, hints, solution and a first mistake are made " +
			"so that they build; CONTRIBUTING.md says what to fill in. Nothing that exists is overwritten.",
		Example: examples("new 01/7 requeue --title \"give it back\""),
		Args:    takes(2, 2, "an id and a name, such as 01/7 requeue"),
		RunE: func(_ *cobra.Command, args []string) error {
			d, err := c.openDesk()
			if err != nil {
				return err
			}
			scaffold.ID, scaffold.Name = args[0], args[1]
			files, err := d.course.New(scaffold)
			if err != nil {
				return fmt.Errorf("new exercise %s: %w", scaffold.ID, err)
			}
			for _, file := range files {
				fmt.Fprintf(c.out, "  %s\n", file)
			}
			fmt.Fprintf(c.out, "Now write the mistakes, the tests, the solution; then %s\n",
				c.style.Cyan(goRun("verify "+scaffold.ID)))
			return nil
		},
	}
	cmd.Flags().StringVar(&scaffold.Title, "title", "", "`TEXT` shown in lists; the name when left out")
	return cmd
}
