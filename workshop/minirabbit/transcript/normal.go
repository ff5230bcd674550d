package transcript

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"warren.example/workshop/minirabbit/transcript/client"
	"warren.example/workshop/wire"
)

// names puts stable names in the place of those that differ from run to run, and back.
type names struct {
	host   string            // the virtual host
	stable map[string]string // amq.gen-JzTY20BRgKO → amq.gen-1
	actual map[string]string // amq.gen-1 → amq.gen-JzTY20BRgKO
	counts map[string]int    // how many of a kind there are
}

func newNames(host string) *names {
	return &names{host: host, stable: map[string]string{}, actual: map[string]string{}, counts: map[string]int{}}
}

var (
	generated = regexp.MustCompile(`(amq\.gen-|amq\.ctag-|amq\.rabbitmq\.reply-to\.)[A-Za-z0-9+/=_.-]+`)
	recent    = regexp.MustCompile(`time\(1[6-9]\d{8}\)`)
	nodeName  = regexp.MustCompile(`[a-z0-9]+@[A-Za-z0-9.-]+`)
)

// text removes what differs from run to run.
func (n *names) text(s string) string {
	s = generated.ReplaceAllStringFunc(s, func(name string) string {
		if n.stable[name] == "" {
			kind := generated.FindStringSubmatch(name)[1]
			n.counts[kind]++
			n.stable[name] = fmt.Sprintf("%s%d", kind, n.counts[kind])
			n.actual[n.stable[name]] = name
		}
		return n.stable[name]
	})
	s = strings.ReplaceAll(s, n.host+"-", "") // a user's name
	s = strings.ReplaceAll(s, n.host, "HOST")
	s = nodeName.ReplaceAllString(s, "NODE")
	return recent.ReplaceAllString(s, "time(now)")
}

// event is an event's text.
func (n *names) event(e client.Event) string {
	if start, ok := e.Method.(*wire.ConnectionStart); ok {
		e.Method = startCore(start)
	}
	return n.text(e.String())
}

// startCore leaves version and capabilities of what the broker says about itself. The mechanisms are sorted: RabbitMQ lists them
// in an order that may be another after each start.
func startCore(m *wire.ConnectionStart) *wire.ConnectionStart {
	core := *m
	mechanisms := strings.Fields(m.Mechanisms)
	slices.Sort(mechanisms)
	core.Mechanisms = strings.Join(mechanisms, " ")
	core.ServerProperties = nil
	for _, name := range []string{"version", "capabilities"} {
		if v, ok := m.ServerProperties.Get(name); ok {
			core.ServerProperties = append(core.ServerProperties, wire.Field{Name: name, Value: v})
		}
	}
	return &core
}

var (
	stableName = regexp.MustCompile(`(?:amq\.gen-|amq\.ctag-|amq\.rabbitmq\.reply-to\.)\d+`)
	variable   = regexp.MustCompile(`\$[a-z]+`)
)

// line puts the actual names into a line of a script. $host is the virtual host, $ann the name of the user ann.
func (n *names) line(s string) string {
	s = stableName.ReplaceAllStringFunc(s, func(name string) string {
		if actual, ok := n.actual[name]; ok {
			return actual
		}
		return name
	})
	return variable.ReplaceAllStringFunc(s, func(name string) string {
		if name == "$host" {
			return n.host
		}
		return n.user(name[1:])
	})
}

// user is what a script's user is called on the broker, where all virtual hosts share users.
func (n *names) user(name string) string { return n.host + "-" + name }
