package command

import (
	"fmt"

	"github.com/spf13/cobra"

	"warren.example/workshop/command/view"
)

func newList(c *console) *cobra.Command {
	asJSON := false
	cmd := &cobra.Command{
		Use:   "list",
		Short: "show all exercises: done, begun, open",
		Args:  takes(0, 0, ""),
		RunE: func(*cobra.Command, []string) error {
			d, err := c.openDesk()
			if err != nil {
				return err
			}
			if asJSON {
				return c.printJSON(d.entries())
			}
			fmt.Fprint(c.out, view.List(c.style, d.entries()))
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print a list of chapters as JSON")
	return cmd
}

// entries returns the whole course with what is done of it.
func (d *desk) entries() []view.ChapterEntry {
	chapters := []view.ChapterEntry{}
	next, _ := d.progress.Open(d.course.Exercises())
	for _, chapter := range d.course.Chapters {
		entry := view.ChapterEntry{
			ID: chapter.ID, Dir: chapter.Dir, Title: chapter.Title, Minutes: chapter.Minutes,
			Exercises: []view.ExerciseEntry{},
		}
		for _, e := range chapter.Exercises {
			state := view.Open
			if d.progress.Done(e) {
				state = view.Done
				entry.Done++
			} else if begun, err := e.Begun(); err == nil && begun {
				state = view.Begun
			}
			entry.Exercises = append(entry.Exercises, view.ExerciseEntry{
				ID: e.ID, Title: e.Title, Path: e.Path(), Minutes: e.Minutes,
				State: state, Hints: d.progress.HintsShown(e), Next: e.ID == next.ID,
			})
		}
		chapters = append(chapters, entry)
	}
	return chapters
}
