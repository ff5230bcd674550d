package command

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"warren.example/workshop/command/terminal"
	"warren.example/workshop/course"
)

func newVerify(c *console) *cobra.Command {
	options := course.VerifyOptions{}
	asJSON, only, hostile := false, "", []int64(nil)
	cmd := &cobra.Command{
		Use:   "verify [03 | 03/2]",
		Short: "prove that the course judges rightly: skeletons, solutions, mistakes",
		Long: "Skeletons must fail with \"not done yet\", solutions pass three times under the race detector, each mistake be " +
			"rejected by its test with its text. Your own files are left alone: the originals are judged. Verdicts are kept " +
			"by content and broker, so a second run is quick. All are judged on minirabbit and, where one is up or named by " +
			"WORKSHOP_AMQP_URL, on a real RabbitMQ.",
		Example: examples("verify", "verify 01/2", "verify --broker mini", "verify --json > report.json"),
		Args:    takes(0, 1, "one exercise or chapter"),
		RunE: func(cmd *cobra.Command, args []string) error {
			options.Selection = argument(args)
			options.NeedRace = isCI()
			return c.verify(cmd.Context(), options, only, hostile, asJSON)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the report as JSON")
	cmd.Flags().StringVar(&only, "broker", "", "judge on `mini` or real alone")
	cmd.Flags().Int64SliceVar(&hostile, "hostile", nil, "also judge on a hostile minirabbit for each of `SEEDS`, such as 1,2")
	cmd.Flags().BoolVar(&options.Long, "long", false, "judge each mistake three times")
	cmd.Flags().BoolVar(&options.Fresh, "fresh", false, "judge all again, use no kept verdict")
	cmd.Flags().BoolVar(&options.CourseOnly, "course", false, "exercises only, not the tests of the machinery")
	cmd.Flags().BoolVar(&options.NoMistakes, "no-mistakes", false, "leave out the known mistakes")
	cmd.Flags().BoolVar(&options.Upstream, "upstream", false, "also demand that all exercises are as they came")
	return cmd
}

func (c *console) verify(ctx context.Context, o course.VerifyOptions, only string, hostile []int64, asJSON bool) error {
	d, err := c.openDesk()
	if err != nil {
		return err
	}
	if o.Selection != "" {
		if _, err := d.selected(o.Selection); err != nil {
			return err
		}
	}
	if o.Brokers, err = allBrokers(ctx, only, hostile); err != nil {
		return err
	}
	o.Progress = func(row course.Row) { c.progress("%s", rowLine(row)) }
	report, err := d.course.Verify(ctx, course.Runner{}, o)
	if err != nil {
		return err
	}
	if asJSON {
		err = c.printJSON(report)
	} else {
		_, err = fmt.Fprintln(c.out, strings.TrimRight(report.String(), "\n"))
	}
	if err != nil {
		return err
	}
	if !report.OK() {
		return errRed
	}
	return nil
}

// rowLine is one row of the table, as it ends.
func rowLine(r course.Row) string {
	name := r.Package
	if r.Exercise != "" {
		name = strings.TrimSpace(fmt.Sprintf("%s %s %s", r.Exercise, r.Kind, r.Mistake))
	}
	kept := ""
	if r.Kept {
		kept = " (kept)"
	}
	line := fmt.Sprintf("  %s  %s%s", terminal.Pad(string(r.Status), 7), name, kept)
	if r.Broker != "" {
		line += " · " + r.Broker
	}
	return strings.Join(append([]string{line}, r.Why...), "; ")
}
