package command

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/spf13/cobra"
)

func newReset(c *console) *cobra.Command {
	return &cobra.Command{
		Use:   "reset 03 | 03/2",
		Short: "put an exercise's skeleton back; your work is kept in a backup",
		Long: "Your file is copied to a backup first, and the command says where. What an exercise needs besides it (tests, " +
			"hints) is not touched.",
		Example: examples("reset 01/2", "reset 01"),
		Args:    takes(1, 1, "an exercise or a chapter, such as 01/2"),
		RunE: func(_ *cobra.Command, args []string) error {
			d, err := c.openDesk()
			if err != nil {
				return err
			}
			exercises, err := d.selected(args[0])
			if err != nil {
				return err
			}
			for _, e := range exercises {
				begun, err := e.Begun()
				gone := errors.Is(err, fs.ErrNotExist) // deleted by its learner: the skeleton brings it back
				if err != nil && !gone {
					return err
				}
				if !begun && !gone {
					fmt.Fprintf(c.out, "%s %s was as it came.\n", e.ID, e.Title)
					continue
				}
				backup, err := d.course.Reset(e)
				if err != nil {
					return fmt.Errorf("reset %s: %w", e.ID, err)
				}
				fmt.Fprintf(c.out, "%s %s is as it came.\n", e.ID, e.Title)
				if backup != "" {
					fmt.Fprintf(c.out, "  your work: %s\n", c.style.Cyan(folderForUser(backup)))
				}
			}
			return nil
		},
	}
}
