package shop

import (
	"context"
	"maps"
	"time"

	"warren.example/06-services/bus"
	"warren.example/06-services/config"
	"warren.example/06-services/events"
	"warren.example/06-services/inbox"
	"warren.example/06-services/service"
)

// remembered is how long an inbox knows what it has done: longer than a message waits anywhere, but for a parked one.
const remembered = 30 * 24 * time.Hour

// queues is what a service listens to.
func queues(d service.Definition, c config.Config) bus.Queues {
	return bus.Queues{Service: d.Name, Hears: d.Hears, Broadcasts: d.Broadcasts, Retry: c.Retry}
}

// topology is that of the whole shop, also of services that never ran: what is sent to them before they first start waits.
func topology(all []service.Definition, c config.Config) ([]bus.Topology, error) {
	parts := []bus.Topology{bus.Shared()}
	for _, d := range all {
		t, err := queues(d, c).Topology()
		if err != nil {
			return nil, err
		}
		parts = append(parts, t)
	}
	return parts, nil
}

// jobs are all that the service does by itself: its own jobs, one consumer for each queue, what it hears by broadcast, hooks.
func (o *one) jobs() []service.Job {
	jobs := append([]service.Job{}, o.service.Jobs...)
	jobs = append(jobs, o.shop.options.Hooks.background(o.env)...)
	q := queues(o.definition, o.shop.options.Config)
	for _, queue := range q.Names() {
		consume := func(ctx context.Context) error { return o.consume(ctx, q, queue) }
		jobs = append(jobs, service.Job{Name: "consume " + queue, Run: consume})
	}
	if len(q.Names()) > 0 {
		jobs = append(jobs, service.Job{Name: "forget old messages", Run: o.forget})
	}
	if len(q.Broadcasts) > 0 {
		jobs = append(jobs, service.Job{Name: "hear broadcasts", Run: o.hear})
	}
	return jobs
}

func (o *one) consume(ctx context.Context, q bus.Queues, queue string) error {
	t, err := q.Topology()
	if err != nil {
		return err
	}
	c := &bus.Consumer{Config: o.bus(), Queue: queue, Topology: t, Retry: q.Retry,
		Workers: max(o.definition.Workers, 1), Group: o.definition.Group,
		Handle: o.shop.options.Hooks.consume(o.definition.Name, queue, o.inbox.Handle)}
	if c.Group == 0 {
		c.Group = 32
	}
	return o.shop.options.Parts.Consume(ctx, c)
}

func (o *one) hear(ctx context.Context) error {
	b := &bus.Broadcast{Config: o.bus(), Hears: o.definition.Broadcasts, Missed: o.service.Missed,
		Handle: func(ctx context.Context, m events.Message) error { return o.service.Broadcast[m.Type](ctx, m) }}
	return b.Run(ctx)
}

// forget takes old marks out of the inbox, every hour.
func (o *one) forget(ctx context.Context) error {
	for {
		if _, err := o.inbox.Forget(ctx, time.Now().Add(-remembered)); err != nil {
			return err
		}
		if wait(ctx, time.Hour); ctx.Err() != nil {
			return nil
		}
	}
}

func merged(a, b inbox.Handlers) inbox.Handlers {
	all := make(inbox.Handlers, len(a)+len(b))
	maps.Copy(all, a)
	maps.Copy(all, b)
	return all
}
