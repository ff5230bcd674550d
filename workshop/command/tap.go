package command

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"time"

	"github.com/spf13/cobra"

	"warren.example/workshop/broker"
	"warren.example/workshop/command/terminal"
	"warren.example/workshop/tap"
	"warren.example/workshop/tap/diagram"
)

// lookEvery is the pause between two looks for what passed a listening tap.
const lookEvery = 100 * time.Millisecond

// tapOptions say what a tap stands between.
type tapOptions struct {
	listen string // host:port; "" is a free port, for one program
	target string // AMQP URL; "" is the broker that demos use
}

func newTap(c *console) *cobra.Command {
	var o tapOptions
	cmd := &cobra.Command{
		Use:   "tap -- CMD [ARG...]",
		Short: "run a program through a tap, and draw what it and the broker said",
		Long: "The program finds the tap's address in WORKSHOP_AMQP_URL. When it has ended, also by Ctrl-C, the exchange is " +
			"drawn, and its exit code is the command's. With --listen the tap waits for programs of another terminal, prints " +
			"what passes, and draws it after Ctrl-C. Where no broker is up, minirabbit stands in for as long as the tap runs.",
		Example: examples("tap -- go run ./01-basics/demo/send", "tap --listen 127.0.0.1:5673"),
		Args:    cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case o.listen == "" && len(args) == 0:
				return usagef("tap needs a program to run, or --listen with an address")
			case o.listen != "" && len(args) > 0:
				return usagef("tap runs a program or listens for others, not both: leave out --listen or %q", args[0])
			}
			return c.tap(cmd.Context(), o, args)
		},
	}
	cmd.Flags().SetInterspersed(false) // what follows CMD is its own
	cmd.Flags().StringVar(&o.listen, "listen", "", "wait at `ADDR`, such as 127.0.0.1:5673, for programs of another terminal")
	cmd.Flags().StringVar(&o.target, "target", "", "`URL` of the broker; left out: the one that is up")
	return cmd
}

func (c *console) tap(ctx context.Context, o tapOptions, command []string) error {
	target, err := c.findTarget(ctx, o.target)
	if err != nil {
		return err
	}
	defer target.close()
	t, err := tap.Start(tap.Config{Target: target.amqp.Host, Listen: o.listen})
	if err != nil {
		return err
	}
	defer t.Close()
	through := *target.amqp
	through.Host = t.Addr()

	if o.listen != "" {
		return c.tapOthers(ctx, t, through.String())
	}
	code, err := c.runThrough(ctx, command, []string{
		broker.EnvBroker + "=external", broker.EnvProbed + "=1",
		broker.EnvAMQP + "=" + through.String(), broker.EnvManagement + "=" + target.management,
	})
	if err != nil {
		return err
	}
	if err := c.drawExchange(t); err != nil {
		return err
	}
	if code != exitFine {
		return exitError{code}
	}
	return nil
}

// runThrough runs a command with additions to its environment, and returns its exit code.
func (c *console) runThrough(ctx context.Context, command, env []string) (int, error) {
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Env = append(os.Environ(), env...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = c.in, c.out, c.err
	family := familyOf(cmd, terminal.IsTerminal(c.in))
	cmd.Cancel = family.ask
	cmd.WaitDelay = endingTime
	if err := cmd.Start(); err != nil {
		return 0, fmt.Errorf("start the program: %w", err)
	}
	defer family.end()
	err := cmd.Wait()
	var exit *exec.ExitError
	switch {
	case err == nil, errors.Is(err, exec.ErrWaitDelay), cmd.ProcessState.Success():
		return exitFine, nil
	case errors.As(err, &exit) && exit.ExitCode() >= 0:
		return exit.ExitCode(), nil
	case ctx.Err() != nil:
		return exitInterrupted, nil
	case errors.As(err, &exit):
		return killedBy(exit), nil
	}
	return 0, err
}

// tapOthers prints what passes until Ctrl-C, and then draws all of it.
func (c *console) tapOthers(ctx context.Context, t *tap.Tap, address string) error {
	fmt.Fprintf(c.err, "Listening. In another terminal:\n  %s\nCtrl-C ends it and draws what passed.\n",
		c.errStyle.Cyan(broker.EnvAMQP+"="+address+" go run …"))
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	for last := 0; ; {
		for _, event := range t.Recording().Find(tap.Filter{Where: func(e tap.Event) bool { return e.Seq > last }}) {
			last = event.Seq
			line := fmt.Sprintf("%8s  %s", event.At.Round(time.Millisecond), event)
			fmt.Fprintln(c.err, terminal.Fit(line, c.errStyle.Width))
		}
		select {
		case <-ctx.Done():
			return c.drawExchange(t)
		case <-ticker.C:
		}
	}
}

// drawExchange closes the tap, so that nothing is under way any more, and draws its recording.
func (c *console) drawExchange(t *tap.Tap) error {
	if err := t.Close(); err != nil {
		return err
	}
	recording := t.Recording()
	if dropped := recording.Dropped(); dropped > 0 {
		fmt.Fprintf(c.err, "The first %d events are missing: there were too many to keep.\n", dropped)
	}
	fmt.Fprintln(c.out)
	picture := diagram.Config{}
	if terminal.IsTerminal(c.out) {
		picture.Width = c.style.Width
	}
	return picture.Draw(c.out, recording.All())
}
