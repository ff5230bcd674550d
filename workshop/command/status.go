package command

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"warren.example/workshop/broker"
	"warren.example/workshop/node"
)

// A statusReport is what `status --json` prints.
type statusReport struct {
	External string         `json:"external,omitempty"` // the value of WORKSHOP_AMQP_URL without the password: tests use that one
	Up       *broker.Status `json:"up"`                 // the broker that `up` started; null when none runs
}

func newStatus(c *console) *cobra.Command {
	asJSON := false
	cmd := &cobra.Command{
		Use:   "status",
		Short: "say which broker runs, where it listens and who uses it",
		Args:  takes(0, 0, ""),
		RunE: func(cmd *cobra.Command, _ []string) error {
			var report statusReport
			if external := os.Getenv(broker.EnvAMQP); external != "" {
				report.External = withoutPassword(external)
			}
			status, err := node.Status(cmd.Context())
			switch {
			case err == nil:
				report.Up = &status
			case !errors.Is(err, broker.ErrNone):
				return err
			}
			if asJSON {
				return c.printJSON(report)
			}
			c.showStatus(report)
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print it as JSON")
	return cmd
}

func (c *console) showStatus(r statusReport) {
	if r.External != "" {
		fmt.Fprintf(c.out, "Tests use %s (%s).\n", c.style.Cyan(r.External), broker.EnvAMQP)
	}
	if r.Up == nil {
		fmt.Fprintf(c.out, "No broker of the workshop is running. Start one: %s\n", c.style.Cyan(makeOr("up")))
		if r.External == "" {
			fmt.Fprintln(c.out, "Until then minirabbit stands in, inside each test.")
		}
		return
	}
	c.showBroker(*r.Up)
	fmt.Fprintf(c.out, "  since       %s, process %d\n", r.Up.Started.Local().Format(time.DateTime), r.Up.PID)
	for _, lease := range r.Up.Leases {
		state := "leased by"
		if lease.Waiting {
			state = "waited for by"
		}
		var names []string
		for _, n := range lease.Nodes {
			names = append(names, n.Name)
		}
		fmt.Fprintf(c.out, "  %s %s %s  %s\n", lease.Kind, state, lease.For, c.style.Faint(strings.Join(names, " ")))
	}
}
