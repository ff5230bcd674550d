package shop

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"warren.example/06-services/config"
	"warren.example/06-services/service"
)

// stopTime is how long the shop may take to end.
const stopTime = 15 * time.Second

// A program is the command `shop` with what it was given.
type program struct {
	all    []service.Definition
	parts  Parts
	hooks  Hooks
	config config.Config
	out    io.Writer
	log    io.Writer
}

// Main is the command: it does what the program's arguments say and returns its exit code. Definitions are all services that
// there are.
func Main(definitions []service.Definition, parts Parts, hooks Hooks) int {
	p := program{all: definitions, parts: parts, hooks: hooks, out: os.Stdout, log: os.Stderr}
	ctx, restore := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer restore()
	context.AfterFunc(ctx, restore) // a second signal ends the program at once
	if err := p.run(ctx, os.Args[1:], config.Environ()); err != nil {
		fmt.Fprintln(os.Stderr, strings.TrimSpace(err.Error()))
		return 1
	}
	return 0
}

// A subcommand is what the first argument may be instead of a service.
type subcommand struct {
	name  string
	usage string
	about string
	run   func(p *program, ctx context.Context, args []string) error
}

func subcommands() []subcommand {
	return []subcommand{
		{"watch", "watch ORDER", "print each step of an order as it happens", (*program).watch},
		{"saga", "saga [list | resume ORDER]", "orders that are overdue; let one go on", (*program).saga},
		{"dlq", "dlq [list | show ID… | replay ID… | replay all]", "messages that died; send them back", (*program).dlq},
		{"audit", "audit", "has the shop kept its word?", (*program).audit},
		{"map", "map", "the services, and who talks to whom", (*program).showMap},
		{"settings", "settings", "all settings and what they are", (*program).settings},
	}
}

func (p *program) run(ctx context.Context, args []string, environ map[string]string) (err error) {
	if slices.ContainsFunc(args, func(a string) bool { return a == "help" || a == "-h" || a == "--help" }) {
		p.help()
		return nil
	}
	if p.config, err = config.Read(environ); err != nil {
		return err
	}
	if len(args) > 0 {
		for _, c := range subcommands() {
			if c.name == args[0] {
				return c.run(p, ctx, args[1:])
			}
		}
	}
	return p.serve(ctx, args)
}

func (p *program) help() {
	fmt.Fprint(p.out, "shop            all services, in one process\nshop SERVICE…   only these\n\n")
	for _, d := range p.all {
		fmt.Fprintf(p.out, "  %-14s %s\n", d.Name, d.About)
	}
	fmt.Fprintln(p.out)
	for _, c := range subcommands() {
		fmt.Fprintf(p.out, "shop %s\n    %s\n", c.usage, c.about)
	}
}

// serve runs services until ctx ends.
func (p *program) serve(ctx context.Context, names []string) error {
	s, err := Start(Options{Config: p.config, All: p.all, Names: names, Parts: p.parts, Hooks: p.hooks, Log: p.log})
	if err != nil {
		return err
	}
	if s.Ready(ctx) == nil {
		p.welcome(ctx, s)
	}
	select {
	case <-ctx.Done():
	case <-s.Ended():
	}
	ending, cancel := context.WithTimeout(context.Background(), stopTime)
	defer cancel()
	return s.Stop(ending)
}
