package command

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strconv"

	"github.com/spf13/cobra"

	"warren.example/workshop/broker"
	"warren.example/workshop/broker/mini"
	"warren.example/workshop/node"
	"warren.example/workshop/port"
)

// upOptions say which broker is wanted, and what may be done to get it.
type upOptions struct {
	nodes   int
	with    string // "docker", "native" or "": whichever serves
	install bool   // a missing RabbitMQ may be installed without a question
	mini    bool   // minirabbit as a process of its own, no RabbitMQ
}

func newUp(c *console) *cobra.Command {
	options := upOptions{nodes: 1}
	yes := false
	cmd := &cobra.Command{
		Use:   "up",
		Short: "start a RabbitMQ for tests and demos, and keep it running",
		Long: "It runs in a container where Docker serves, else as a private node of an installed rabbitmq-server, beside a " +
			"RabbitMQ of the system if there is one. Data and logs lie in the folder .workshop. If there is neither, it " +
			"asks before it installs rabbitmq-server by apt or brew; without a terminal it installs only with --install, " +
			"--yes or CI=true. With --mini it is minirabbit, the stand-in that tests fall back to, as a process on a fixed " +
			"address and with a page to watch: for demos in two terminals where no RabbitMQ is. It keeps all in memory.",
		Example: examples("up", "up --nodes 3", "up --with native", "up --mini"),
		Args:    takes(0, 0, ""),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := fitsMini(cmd, options.mini); err != nil {
				return err
			}
			if options.nodes < 1 || options.nodes > 5 {
				return usagef("--nodes %d: a broker has 1 to 5 nodes here", options.nodes)
			}
			if _, err := waysNamed(options.with); err != nil {
				return err
			}
			options.install = options.install || yes
			status, err := c.up(cmd.Context(), options)
			if err != nil {
				return err
			}
			if cmd.Flags().Changed("nodes") && len(status.Nodes) != options.nodes {
				return fmt.Errorf("the broker that is up has %s, not %d: first %s",
					count(len(status.Nodes), "node"), options.nodes, makeOr("down"))
			}
			return nil
		},
	}
	cmd.Flags().IntVar(&options.nodes, "nodes", 1, "run a cluster of `N` nodes")
	cmd.Flags().StringVar(&options.with, "with", "", "`docker` or native, where both would serve")
	cmd.Flags().BoolVar(&options.install, "install", false, "install rabbitmq-server if there is none")
	cmd.Flags().BoolVar(&options.mini, "mini", false, "serve minirabbit, a stand-in that needs nothing installed")
	cmd.Flags().BoolVar(&yes, "yes", false, "answer yes to questions")
	return cmd
}

// fitsMini reports, as wrong usage, the flags that are about a real RabbitMQ beside --mini.
func fitsMini(cmd *cobra.Command, isMini bool) error {
	for _, name := range []string{"with", "nodes", "install", "yes"} {
		if isMini && cmd.Flags().Changed(name) {
			return usagef("--mini is one node in one process and installs nothing: leave out --%s", name)
		}
	}
	return nil
}

// up starts the supervisor unless it runs, and says where its broker is.
func (c *console) up(ctx context.Context, o upOptions) (broker.Status, error) {
	status, err := node.Status(ctx)
	switch {
	case err == nil && isMini(status) != o.mini:
		return broker.Status{}, fmt.Errorf("%s is up: first %s", status.Source, makeOr("down"))
	case err == nil:
		c.progress("It is up already.")
		c.showBroker(status)
		return status, nil
	case !errors.Is(err, broker.ErrNone):
		return broker.Status{}, err
	}
	status, err = c.launchOrInstall(ctx, o)
	if err != nil {
		return broker.Status{}, err
	}
	if address, err := url.Parse(status.Nodes[0].AMQP); err == nil && address.Port() != strconv.Itoa(port.Usual.AMQP) {
		c.progress("Port %d is in use here: it took others.", port.Usual.AMQP)
	}
	c.showBroker(status)
	return status, nil
}

// isMini reports whether the broker that is up is a minirabbit.
func isMini(s broker.Status) bool { return mini.IsStandIn(s.Source) }

// launchOrInstall starts the supervisor. Where nothing can serve, it installs a RabbitMQ, if that is wanted, and tries again.
func (c *console) launchOrInstall(ctx context.Context, o upOptions) (broker.Status, error) {
	status, err := c.launch(ctx, o)
	if !errors.Is(err, errNoWay) || o.with == "docker" {
		return status, err
	}
	if err := c.install(ctx, o); err != nil {
		return broker.Status{}, err
	}
	o.with = "native"
	status, err = c.launch(ctx, o)
	if errors.Is(err, errNoWay) {
		return broker.Status{}, errors.New("rabbitmq-server was installed, but isn't found: " +
			"set WORKSHOP_RABBITMQ_HOME to its folder, the one that has sbin and plugins in it")
	}
	return status, err
}

// showBroker says where a broker is, for who wants to look at it or to connect.
func (c *console) showBroker(s broker.Status) {
	fmt.Fprintf(c.out, "%s is up.\n", c.style.Bold(s.Source))
	for i, n := range s.Nodes {
		if len(s.Nodes) > 1 {
			fmt.Fprintf(c.out, "  node %d      %s\n", i+1, n.Name)
		}
		fmt.Fprintf(c.out, "  AMQP        %s\n", c.style.Cyan(n.AMQP))
		address, user := splitUser(n.Management)
		switch {
		case address == "":
		case isMini(s):
			fmt.Fprintf(c.out, "  page        %s   in a browser\n", c.style.Cyan(address))
		default:
			fmt.Fprintf(c.out, "  management  %s   %s\n", c.style.Cyan(address), user)
		}
	}
	if isMini(s) {
		fmt.Fprintln(c.out, "  keeps       all in memory, until it is stopped")
	}
	fmt.Fprintf(c.out, "  stop it     %s\n", makeOr("down"))
	if os.Getenv(broker.EnvAMQP) != "" {
		c.remark(broker.EnvAMQP + " is set: tests use that broker, not this one.")
	}
}

// splitUser takes the credentials out of a URL, for who opens it in a browser.
func splitUser(address string) (plain, user string) {
	parsed, err := url.Parse(address)
	if err != nil || parsed.User == nil {
		return address, ""
	}
	password, _ := parsed.User.Password()
	user = fmt.Sprintf("user %s, password %s", parsed.User.Username(), password)
	parsed.User = nil
	return parsed.String(), user
}

// withoutPassword returns a URL that may be shown.
func withoutPassword(address string) string {
	parsed, err := url.Parse(address)
	if err != nil {
		return "(not a URL)"
	}
	return parsed.Redacted()
}
