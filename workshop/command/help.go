package command

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"warren.example/workshop/command/terminal"
)

func newHelp(c *console) *cobra.Command {
	return &cobra.Command{
		Use:    "help [COMMAND]",
		Short:  "say how a command is typed and what it does",
		Hidden: true,
		Args:   takes(0, 1, "one command"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				c.help(cmd.Root())
				return nil
			}
			for _, known := range cmd.Root().Commands() {
				if known.Name() == args[0] {
					c.help(known)
					return nil
				}
			}
			return unknownCommand(cmd.Root(), args[0])
		},
	}
}

// helpFor returns what shows the help of a command, without `go run ./workshop`.
func helpFor(cmd *cobra.Command) string {
	if cmd == nil || !cmd.HasParent() {
		return "--help"
	}
	return cmd.Name() + " --help"
}

// help prints what a command does, how it is typed, its flags and examples.
func (c *console) help(cmd *cobra.Command) {
	s := c.style
	paragraph := func(text string) { fmt.Fprintf(c.out, "%s\n\n", terminal.Wrap(text, s.Width, "")) }
	heading := func(text string) { fmt.Fprintln(c.out, s.Bold(text)) }
	table := func(rows [][2]string) {
		c.table(rows)
		fmt.Fprintln(c.out)
	}

	paragraph(capital(cmd.Short))
	if !cmd.HasParent() {
		fmt.Fprintf(c.out, "  %s\n\n", goRun("COMMAND"))
	} else {
		fmt.Fprintf(c.out, "  %s\n\n", goRun(cmd.Use))
	}
	if cmd.Long != "" {
		paragraph(cmd.Long)
	}
	for _, group := range cmd.Groups() {
		heading(group.Title)
		var rows [][2]string
		for _, sub := range cmd.Commands() {
			if sub.GroupID == group.ID {
				rows = append(rows, [2]string{sub.Name(), sub.Short})
			}
		}
		table(rows)
	}
	if rows := flagRows(cmd); len(rows) > 0 {
		heading("Flags")
		table(rows)
	}
	if cmd.HasExample() {
		heading("Examples")
		for _, line := range strings.Split(cmd.Example, "\n") {
			fmt.Fprintf(c.out, "  %s\n", line)
		}
	}
	if !cmd.HasParent() {
		fmt.Fprintf(c.out, "\nMore about one: %s\n", s.Cyan(goRun("COMMAND --help")))
	}
}

// table prints rows of a name and a text beside it, which is wrapped in its column.
func (c *console) table(rows [][2]string) {
	column := 0
	for _, row := range rows {
		column = max(column, len(row[0]))
	}
	for _, row := range rows {
		indent := strings.Repeat(" ", 2+column+2)
		text := terminal.Wrap(row[1], c.style.Width, indent)
		fmt.Fprintf(c.out, "  %s  %s\n", c.style.Cyan(terminal.Pad(row[0], column)), text)
	}
}

// flagRows returns the flags that a learner may use, each as it is typed: "--nodes N".
func flagRows(cmd *cobra.Command) [][2]string {
	var rows [][2]string
	cmd.LocalFlags().VisitAll(func(flag *pflag.Flag) {
		if flag.Hidden || flag.Name == "help" {
			return
		}
		value, usage := pflag.UnquoteUsage(flag)
		rows = append(rows, [2]string{strings.TrimSpace("--" + flag.Name + " " + value), usage})
	})
	return rows
}

func capital(text string) string { return strings.ToUpper(text[:1]) + text[1:] }
