package command

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"

	"warren.example/workshop/command/terminal"
)

// An installer is what brings rabbitmq-server to this machine: the commands to run, one after the other.
type installer struct {
	what     string // "apt", "brew"
	commands [][]string
}

// install brings a rabbitmq-server to this machine, if that is wanted. The error says what to type when it is not, or can't be.
func (c *console) install(ctx context.Context, o upOptions) error {
	found, ok := findInstaller(c.canAsk())
	if !ok {
		return fmt.Errorf("%w. Install one of them (https://www.rabbitmq.com/docs/download), or set WORKSHOP_AMQP_URL; then %s",
			errNoWay, makeOr("up"))
	}
	switch {
	case o.install || isCI():
	case c.canAsk():
		fmt.Fprintln(c.err, terminal.Wrap("There is neither Docker nor a RabbitMQ on this machine. "+
			"rabbitmq-server can be installed by "+found.what+" (about 60 MB):", c.errStyle.Width, ""))
		fmt.Fprintf(c.err, "  %s\n", c.errStyle.Cyan(found.String()))
		yes, err := c.ask(ctx, "Do that now?")
		if err != nil {
			return err
		}
		if !yes {
			return errors.New("nothing was installed. Later: " + goRun("up --install") + ". A stand-in without it: " + goRun("up --mini"))
		}
	default:
		return fmt.Errorf("%w. Type %s and it installs rabbitmq-server by %s, or start Docker", errNoWay,
			goRun("up --install"), found.what)
	}
	for _, command := range found.commands {
		fmt.Fprintln(c.err, c.errStyle.Cyan(strings.Join(command, " ")))
		cmd := exec.CommandContext(ctx, command[0], command[1:]...)
		cmd.Stdin, cmd.Stdout, cmd.Stderr = c.in, c.err, c.err // sudo may ask for a password
		if err := cmd.Run(); err != nil {
			return fmt.Errorf("%s: %w", strings.Join(command, " "), err)
		}
	}
	return nil
}

// findInstaller returns what this system installs programs by. sudo may ask for a password only if somebody sits there.
func findInstaller(canAsk bool) (installer, bool) {
	switch runtime.GOOS {
	case "linux":
		if !isThere("apt-get") {
			return installer{}, false
		}
		apt := []string{"env", "DEBIAN_FRONTEND=noninteractive", "apt-get"}
		if os.Geteuid() != 0 {
			if !isThere("sudo") {
				return installer{}, false
			}
			sudo := []string{"sudo"}
			if !canAsk {
				sudo = []string{"sudo", "-n"}
			}
			apt = append(sudo, apt...)
		}
		return installer{"apt", [][]string{
			with(apt, "update", "-q"),
			// Another apt may be at work, such as the one that brings updates to a new machine: it is waited for.
			with(apt, "install", "-q", "-y", "--no-install-recommends", "rabbitmq-server", "-o", "DPkg::Lock::Timeout=300"),
		}}, true
	case "darwin":
		return installer{"brew", [][]string{{"brew", "install", "rabbitmq"}}}, isThere("brew")
	}
	return installer{}, false
}

// String returns the commands as they would be typed.
func (i installer) String() string {
	var typed []string
	for _, command := range i.commands {
		typed = append(typed, strings.Join(command, " "))
	}
	return strings.Join(typed, " && ")
}

func with(command []string, args ...string) []string {
	return append(append([]string{}, command...), args...)
}

func isThere(program string) bool {
	_, err := exec.LookPath(program)
	return err == nil
}

// isCI reports whether this runs unattended, as GitHub, GitLab and others say by CI=true.
func isCI() bool { return os.Getenv("CI") == "true" }
