package command

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"warren.example/workshop/command/terminal"
)

// How long one check may take: long enough for a Docker engine that is just starting.
const checkTimeout = 8 * time.Second

// A finding is what one check found.
type finding struct {
	state health
	text  string
	do    string // what to do; "" when nothing is
}

// health says how bad a finding is.
type health int

const (
	fine   health = iota
	remark        // it works, but less well, or something is not there that nobody needs yet
	broken        // exercises can't be judged until it is mended
)

// A checkup is one check of the doctor.
type checkup struct {
	name string
	look func(ctx context.Context, c *console) finding
}

var checkups = []checkup{
	{"project", checkProject},
	{"Go", checkGo},
	{"C compiler", checkCompiler},
	{"folder", checkFolder},
	{"disk", checkDisk},
	{"broker", checkBroker},
	{"Docker", checkDocker},
	{"RabbitMQ", checkRabbitMQ},
	{"ports", checkPorts},
	{"terminal", checkTerminal},
}

func newDoctor(c *console) *cobra.Command {
	return &cobra.Command{
		Use:   "doctor",
		Short: "look at this machine, and say what is missing and what to do",
		Long:  "It changes nothing. The exit code is 1 if something must be mended before exercises can be judged.",
		Args:  takes(0, 0, ""),
		RunE: func(cmd *cobra.Command, _ []string) error {
			findings := make([]finding, len(checkups))
			var all sync.WaitGroup
			for i, check := range checkups {
				all.Add(1)
				go func() {
					defer all.Done()
					ctx, cancel := context.WithTimeout(cmd.Context(), checkTimeout)
					defer cancel()
					findings[i] = check.look(ctx, c)
				}()
			}
			all.Wait()
			if err := cmd.Context().Err(); err != nil {
				return err
			}
			return c.showFindings(findings)
		},
	}
}

func (c *console) showFindings(findings []finding) error {
	s := c.style
	column := 0
	for _, check := range checkups {
		column = max(column, len(check.name))
	}
	indent := strings.Repeat(" ", 2+4+2+column+2)
	isBroken := false
	for i, f := range findings {
		mark := map[health]string{fine: s.Green("ok  "), remark: s.Yellow("note"), broken: s.Red("bad ")}[f.state]
		fmt.Fprintf(c.out, "  %s  %s  %s\n", mark, terminal.Pad(checkups[i].name, column), terminal.Wrap(f.text, s.Width, indent))
		if f.do != "" {
			fmt.Fprintf(c.out, "%s%s\n", indent, s.Cyan(terminal.Wrap("→ "+f.do, s.Width, indent+"  ")))
		}
		isBroken = isBroken || f.state == broken
	}
	if isBroken {
		fmt.Fprintln(c.out, "\nMend what is marked bad, then look again: "+goRun("doctor"))
		return errRed
	}
	return nil
}
