package shop

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"warren.example/06-services/events"
	"warren.example/06-services/service"
)

// errDefinition is what errors wrap that no second try mends: a service isn't what its definition says.
var errDefinition = errors.New("the definition is wrong")

// choose returns the definitions with these names, in their own order; without names all. The error says which there are.
func choose(all []service.Definition, names []string) ([]service.Definition, error) {
	var known []string
	for _, d := range all {
		known = append(known, d.Name)
	}
	for _, name := range names {
		if !slices.Contains(known, name) {
			return nil, fmt.Errorf("there is no service %q; there are: %s", name, strings.Join(known, ", "))
		}
	}
	if len(names) == 0 {
		return all, nil
	}
	return slices.DeleteFunc(slices.Clone(all), func(d service.Definition) bool { return !slices.Contains(names, d.Name) }), nil
}

// check compares a service with its definition: it must handle what comes to its queues, and nothing else.
func check(d service.Definition, s *service.Service) error {
	var commands []string
	for _, m := range events.All() {
		if m.Command() && strings.HasPrefix(m.Queue, d.Name+".") {
			commands = append(commands, m.Name)
		}
	}
	return errors.Join(
		compare(d.Name, "Commands", commands, slices.Collect(maps.Keys(s.Commands))),
		compare(d.Name, "Events", d.Hears, slices.Collect(maps.Keys(s.Events))),
		compare(d.Name, "Broadcast", d.Broadcasts, slices.Collect(maps.Keys(s.Broadcast))),
		needsStore(d, commands),
	)
}

func compare(service, field string, want, have []string) error {
	var wrong []error
	for _, name := range want {
		if !slices.Contains(have, name) {
			wrong = append(wrong, fmt.Errorf("%w: %s gets %s, but %s has no handler for it", errDefinition, service, name, field))
		}
	}
	for _, name := range have {
		if !slices.Contains(want, name) {
			wrong = append(wrong, fmt.Errorf("%w: %s never gets %s, but %s has a handler for it", errDefinition, service, name, field))
		}
	}
	return errors.Join(wrong...)
}

func needsStore(d service.Definition, commands []string) error {
	if d.Store == nil && len(commands)+len(d.Hears) > 0 {
		return fmt.Errorf("%w: %s gets messages and has no store for an inbox", errDefinition, d.Name)
	}
	return nil
}
