package command

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"warren.example/workshop/command/view"
	"warren.example/workshop/course"
)

// A checkReport is what `check --json` prints.
type checkReport struct {
	Verdicts []course.Verdict `json:"verdicts"`
	NotBegun []string         `json:"notBegun"` // ids: as they came, so not judged
	Green    int              `json:"green"`
	Red      int              `json:"red"`
}

// isFine reports whether all that was selected was judged green. What was not judged proves nothing.
func (r checkReport) isFine() bool { return r.Green > 0 && r.Red == 0 && len(r.NotBegun) == 0 }

// longJudging is when somebody who waits for a verdict wants to know why.
const longJudging = 8 * time.Second

func newCheck(c *console) *cobra.Command {
	asJSON := false
	cmd := &cobra.Command{
		Use:   "check [03 | 03/2]",
		Short: "judge your work once",
		Long: "Without an id it judges the exercise or chapter of the folder you are in; in the root, all that you have " +
			"begun. The exit code is 0 only if everything that was asked for is green.",
		Example: examples("check", "check 01", "check 01/2 --json"),
		Args:    takes(0, 1, "one exercise or chapter"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.check(cmd.Context(), argument(args), asJSON)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the verdicts as JSON")
	return cmd
}

func (c *console) check(ctx context.Context, name string, asJSON bool) error {
	d, err := c.openDesk()
	if err != nil {
		return err
	}
	exercises, err := d.selected(name)
	if err != nil {
		return err
	}
	begun, notBegun, err := split(exercises)
	if err != nil {
		return err
	}
	if name == "" && d.here(".") == "" { // all that was begun: what was not begun was not asked for
		notBegun = []string{}
	}
	if len(begun) == 0 && !asJSON {
		return errors.New("nothing to judge: you have begun none of these. The first steps: " + makeOr("start"))
	}
	report := checkReport{Verdicts: []course.Verdict{}, NotBegun: notBegun}
	broker, err := findBroker(ctx)
	if err != nil {
		return err
	}
	if text := caveat(ctx, d, broker); text != "" && !asJSON {
		defer fmt.Fprintln(c.out, c.style.Faint(text))
	}
	for _, e := range begun {
		verdict, err := c.checkOne(ctx, d, e, broker)
		if err != nil {
			return err
		}
		report.add(verdict)
		if !asJSON {
			c.showChecked(e, verdict, len(begun) > 1)
		}
	}
	if !asJSON && report.Green > 0 && report.Red == 0 {
		defer c.showNext(d, begun[len(begun)-1])
	}
	return c.endCheck(report, asJSON)
}

// showNext says where to go on after a green exercise.
func (c *console) showNext(d *desk, done course.Exercise) {
	all := d.course.Exercises()
	next, ok := d.progress.OpenAfter(all, done.ID)
	switch {
	case ok:
		fmt.Fprintf(c.out, "next: %s: %s\n", view.Title(next), c.style.Cyan(goRun("start "+next.ID)))
	case d.progress.Done(done):
		fmt.Fprintf(c.out, "All %d exercises are green.\n", len(all))
	}
}

// split returns which exercises are to be judged, and the ids of those that were not begun. A single one is judged anyway.
func split(exercises []course.Exercise) (begun []course.Exercise, notBegun []string, err error) {
	notBegun = []string{}
	for _, e := range exercises {
		isBegun, err := e.Begun()
		switch {
		case err != nil:
			return nil, nil, err
		case isBegun || len(exercises) == 1:
			begun = append(begun, e)
		default:
			notBegun = append(notBegun, e.ID)
		}
	}
	return begun, notBegun, nil
}

// checkOne judges one exercise and remembers the verdict.
func (c *console) checkOne(ctx context.Context, d *desk, e course.Exercise, broker course.Broker) (course.Verdict, error) {
	c.progress("%s %s: judging on %s …", e.ID, e.Title, broker.Name)
	long := time.AfterFunc(longJudging, func() { c.progress("  (the first time, the race detector's library is compiled)") })
	defer long.Stop()
	verdict, err := course.Runner{Broker: broker}.CheckLearner(ctx, e)
	if err != nil {
		return course.Verdict{}, err
	}
	return verdict, d.progress.Record(verdict)
}

func (r *checkReport) add(v course.Verdict) {
	r.Verdicts = append(r.Verdicts, v)
	if v.Passed {
		r.Green++
	} else {
		r.Red++
	}
}

// showChecked shows a verdict: green ones of many in one line.
func (c *console) showChecked(e course.Exercise, v course.Verdict, isOneOfMany bool) {
	if v.Passed && isOneOfMany {
		fmt.Fprint(c.out, view.Brief(c.style, e, v))
		return
	}
	fmt.Fprint(c.out, view.Verdict(c.style, e, v))
	if v.Untouched() {
		fmt.Fprintf(c.out, "Red on purpose: you turn it green. The work: %s\n", c.style.Cyan(view.Place(e)))
	}
}

func (c *console) endCheck(r checkReport, asJSON bool) error {
	if asJSON {
		if err := c.printJSON(r); err != nil {
			return err
		}
	} else if len(r.Verdicts)+len(r.NotBegun) > 1 {
		fmt.Fprintf(c.out, "%d green, %d red", r.Green, r.Red)
		if len(r.NotBegun) > 0 {
			fmt.Fprintf(c.out, ", not begun: %s", strings.Join(r.NotBegun, " "))
		}
		fmt.Fprintln(c.out)
	}
	if !r.isFine() {
		return errRed
	}
	return nil
}
