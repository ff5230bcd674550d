package command

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// Groups of commands, as the help shows them.
const (
	groupLearn  = "learn"
	groupBroker = "broker"
	groupCourse = "course"
)

func newRoot(c *console) *cobra.Command {
	cobra.EnableCommandSorting = false // in the order in which they are needed
	root := &cobra.Command{
		Use:   "workshop",
		Short: "Warren: learn RabbitMQ with Go, by exercises that are judged on the wire.",
		Long: "Without a command it says where you stand. Commands work in every folder of the project; " +
			"`go run ./workshop` is typed in its root.",
		Example: examples(
			"start            work on the first open exercise, judged at every save",
			"check 01/2       judge one exercise once",
			"up               start a RabbitMQ for tests and demos",
			"up --mini        serve minirabbit, a stand-in for one",
			"tap -- go run ./01-basics/demo/send",
		),
		Args:          cobra.ArbitraryArgs,
		SilenceErrors: true,
		SilenceUsage:  true,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return unknownCommand(cmd, args[0])
			}
			err := c.standing()
			if err == nil {
				fmt.Fprintln(c.out)
			}
			c.help(cmd)
			return err
		},
	}
	root.SetIn(c.in)
	root.SetOut(c.out)
	root.SetErr(c.err)
	root.CompletionOptions.DisableDefaultCmd = true
	root.SetHelpFunc(func(cmd *cobra.Command, _ []string) { c.help(cmd) })
	root.SetFlagErrorFunc(unknownFlag)
	root.AddGroup(
		&cobra.Group{ID: groupLearn, Title: "Learn"},
		&cobra.Group{ID: groupBroker, Title: "Brokers"},
		&cobra.Group{ID: groupCourse, Title: "The course itself"},
	)
	add := func(group string, commands ...*cobra.Command) {
		for _, cmd := range commands {
			cmd.GroupID = group
			root.AddCommand(cmd)
		}
	}
	add(groupLearn, newStart(c), newNext(c), newCheck(c), newHint(c), newSolution(c), newReset(c), newList(c))
	add(groupBroker, newUp(c), newDown(c), newStatus(c), newTap(c), newDoctor(c))
	add(groupCourse, newVerify(c), newNew(c))
	root.SetHelpCommand(newHelp(c))
	root.AddCommand(newSupervise(c))
	return root
}

// examples turns lines of "what is typed   what it does" into what is really typed.
func examples(lines ...string) string {
	for i, line := range lines {
		lines[i] = goRun(line)
	}
	return strings.Join(lines, "\n")
}

func unknownCommand(root *cobra.Command, name string) error {
	var known []string
	for _, cmd := range root.Commands() {
		if cmd.IsAvailableCommand() {
			known = append(known, cmd.Name())
		}
	}
	text := fmt.Sprintf("there is no command %q", name)
	if meant, ok := nearest(name, known); ok {
		text += ". Did you mean " + meant + "?"
	}
	return usageError{err: errors.New(text), see: "--help"}
}

// unknownFlag is err about a command's flags, with the flag that was probably meant.
func unknownFlag(cmd *cobra.Command, err error) error {
	var unknown *pflag.NotExistError
	if !errors.As(err, &unknown) {
		return usageError{err: err}
	}
	var known []string
	cmd.Flags().VisitAll(func(flag *pflag.Flag) { known = append(known, flag.Name) })
	if meant, ok := nearest(unknown.GetSpecifiedName(), known); ok {
		err = fmt.Errorf("%w. Did you mean --%s?", err, meant)
	}
	return usageError{err: err}
}

// takes returns a check that a command was given between least and most arguments, which are called what.
func takes(least, most int, what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		switch {
		case len(args) < least:
			return usagef("%s needs %s", cmd.Name(), what)
		case len(args) > most && most == 0:
			return usagef("%s takes no arguments: %q is one too many", cmd.Name(), args[0])
		case len(args) > most:
			return usagef("%s takes %s: %q is one too many", cmd.Name(), what, args[most])
		}
		return nil
	}
}
