package command

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"warren.example/workshop/broker"
	"warren.example/workshop/node"
)

func newDown(c *console) *cobra.Command {
	return &cobra.Command{
		Use:   "down",
		Short: "stop the RabbitMQ that up started, and delete its data",
		Long:  "A RabbitMQ that WORKSHOP_AMQP_URL names, or that the system runs, is not touched.",
		Args:  takes(0, 0, ""),
		RunE: func(cmd *cobra.Command, _ []string) error {
			err := node.Stop(cmd.Context())
			switch {
			case errors.Is(err, broker.ErrNone):
				fmt.Fprintln(c.out, "No broker of the workshop is running.")
				return nil
			case err != nil:
				return err
			}
			fmt.Fprintln(c.out, "The broker is down. Its data is deleted.")
			return nil
		},
	}
}
