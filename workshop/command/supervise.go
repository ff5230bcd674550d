package command

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"warren.example/workshop/broker/mini"
	"warren.example/workshop/node"
	"warren.example/workshop/port"
)

// A superviseLine is what a supervisor says to the `up` that started it, one JSON object a line.
type superviseLine struct {
	Progress string `json:"progress,omitempty"` // what goes on
	Refused  string `json:"refused,omitempty"`  // why one of the ways to get a broker doesn't serve; another is tried
	Failed   string `json:"failed,omitempty"`   // why it gives up; it ends after this
	NoWay    bool   `json:"noWay,omitempty"`    // with Failed: there is neither Docker nor a RabbitMQ on this machine
	Late     bool   `json:"late,omitempty"`     // with Failed: another supervisor was there first
}

// text is the line as the log has it.
func (l superviseLine) text() string {
	return time.Now().Format(time.DateTime) + " " + l.Progress + l.Refused + l.Failed
}

// newSupervise is the hidden command that `up` starts in a session of its own. It runs brokers until `down` ends it.
func newSupervise(c *console) *cobra.Command {
	options := upOptions{nodes: 1}
	cmd := &cobra.Command{
		Use:    "supervise",
		Short:  "run brokers and lease them (started by up)",
		Hidden: true,
		Args:   takes(0, 0, ""),
		RunE: func(cmd *cobra.Command, _ []string) error {
			signal.Ignore(syscall.SIGPIPE) // `up` hangs up when the broker is there
			say := func(line superviseLine) {
				fmt.Fprintln(c.err, line.text())
				_ = json.NewEncoder(c.out).Encode(line)
			}
			err := supervise(cmd.Context(), options, say)
			if err != nil {
				say(superviseLine{
					Failed: err.Error(), NoWay: errors.Is(err, errNoWay), Late: errors.Is(err, node.ErrRunning),
				})
				return errRed // it was said
			}
			return nil
		},
	}
	cmd.Flags().IntVar(&options.nodes, "nodes", options.nodes, "nodes of the shared broker")
	cmd.Flags().StringVar(&options.with, "with", "", "docker or native")
	cmd.Flags().BoolVar(&options.mini, "mini", false, "minirabbit")
	return cmd
}

// errNoWay says that no driver found what it runs.
var errNoWay = errors.New("neither Docker nor an installed RabbitMQ serves here (a stand-in does: `" + goRun("up --mini") + "`)")

// supervise serves brokers of the first driver that can, or minirabbits, until ctx ends or somebody stops it.
func supervise(ctx context.Context, o upOptions, say func(superviseLine)) error {
	if o.mini {
		return serveMini(ctx)
	}
	progress := func(text string) { say(superviseLine{Progress: text}) }
	candidates, err := waysNamed(o.with)
	if err != nil {
		return err
	}
	var reasons []error
	for _, w := range candidates {
		driver, err := w.open(ctx, progress)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			say(superviseLine{Refused: fmt.Sprintf("not with %s: %v", w.name, err)})
			reasons = append(reasons, err)
			continue
		}
		return serve(ctx, driver, o.nodes, progress)
	}
	return fmt.Errorf("%w: %w", errNoWay, errors.Join(reasons...))
}

func serve(ctx context.Context, driver node.Driver, nodes int, progress func(string)) (err error) {
	defer func() { err = errors.Join(err, driver.Close()) }()
	pool, err := node.NewPool(ctx, node.PoolConfig{
		Driver: driver, SharedNodes: nodes, SharedPorts: port.Usual, Progress: progress,
	})
	if err != nil {
		return err
	}
	return node.Supervise(ctx, node.Config{Source: pool})
}

// serveMini leases minirabbits of this process. They need no pool: a new one costs milliseconds.
func serveMini(ctx context.Context) error {
	options, err := mini.FromEnvironment()
	if err != nil {
		return err
	}
	options.Ports = port.Usual
	source, err := mini.New(options)
	if err != nil {
		return err
	}
	return node.Supervise(ctx, node.Config{Source: source})
}
