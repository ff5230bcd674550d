package shop

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	amqp "github.com/rabbitmq/amqp091-go"

	"warren.example/06-services/audit"
	"warren.example/06-services/bus"
	"warren.example/06-services/config"
	"warren.example/06-services/events"
)

// settings prints the settings that hold, without passwords.
func (p *program) settings(context.Context, []string) error {
	for _, s := range config.Settings(p.config) {
		fmt.Fprintf(p.out, "%s=%s\n    %s\n", s.Name, s.Value, s.Help)
	}
	return nil
}

// saga lists the orders that are overdue, or lets one go on: it is asked at once again for what it waits for.
func (p *program) saga(ctx context.Context, args []string) error {
	at, err := find(p.config)
	if err != nil {
		return err
	}
	c, err := p.admin(ctx, at)
	if err != nil {
		return err
	}
	switch {
	case len(args) == 0 || len(args) == 1 && args[0] == "list":
		var answer json.RawMessage
		if err := c.call(ctx, http.MethodGet, at.Gateway+"/sagas?overdue=true", nil, &answer); err != nil {
			return err
		}
		fmt.Fprintln(p.out, string(answer))
		return nil
	case len(args) == 2 && args[0] == "resume":
		return c.call(ctx, http.MethodPost, at.Gateway+"/sagas/"+url.PathEscape(args[1])+"/resume", nil, nil)
	}
	return errors.New("type: saga [list | resume ORDER]")
}

// admin returns a caller that speaks for the administrator.
func (p *program) admin(ctx context.Context, at running) (*caller, error) {
	password := p.config.Admin.Password
	if password == "" {
		folder, err := Folder(p.config)
		if err != nil {
			return nil, err
		}
		if password, err = kept(folder, adminFile); err != nil {
			return nil, err
		}
	}
	c := &caller{http: http.DefaultClient}
	return c, c.login(ctx, at.Gateway, p.config.Admin.Email, password)
}

// audit asks the auditor whether the shop has kept its word, and prints what is wrong. It is for a shop that rests: what is
// under way counts as not finished. What was put in stock is known to nobody, so goods aren't judged.
func (p *program) audit(ctx context.Context, _ []string) error {
	at, err := find(p.config)
	if err != nil {
		return err
	}
	if at.Provider == "" {
		return errors.New("the payment provider is in another process: nobody knows where")
	}
	c, err := p.admin(ctx, at)
	if err != nil {
		return err
	}
	conn, err := amqp.Dial(at.AMQP[0])
	if err != nil {
		return fmt.Errorf("connect to RabbitMQ: %w", err)
	}
	defer conn.Close()
	sources := audit.Sources{HTTP: c.http, Order: at.Gateway, Provider: "http://" + at.Provider, Token: c.token, Broker: conn}
	for _, d := range p.all {
		if q := queues(d, p.config); len(q.Names()) > 0 {
			sources.Parked = append(sources.Parked, q.Parked())
		}
	}
	facts, err := audit.Gather(ctx, sources)
	if err != nil {
		return err
	}
	found := audit.Judge(facts)
	for _, v := range found {
		fmt.Fprintln(p.out, v)
	}
	if len(found) > 0 {
		return fmt.Errorf("%s and %s: %s broken", count(len(facts.Orders), "order"), count(len(facts.Stream), "event"),
			count(len(found), "promise"))
	}
	fmt.Fprintf(p.out, "%s and %s: all promises are kept\n", count(len(facts.Orders), "order"), count(len(facts.Stream), "event"))
	return nil
}

// count writes a number with its noun: "1 order", "2 orders".
func count(n int, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return fmt.Sprintf("%d %s", n, noun)
}

// most is how many dead messages are looked at.
const most = 1000

// dlq shows the messages that died, and sends them back to where they died.
func (p *program) dlq(ctx context.Context, args []string) error {
	at, err := find(p.config)
	if err != nil {
		return err
	}
	if len(args) == 0 {
		args = []string{"list"}
	}
	c := bus.Config{URLs: at.AMQP, Name: "shop dlq"}
	shown := 0
	for _, d := range p.all {
		q := queues(d, p.config)
		if len(q.Names()) == 0 {
			continue
		}
		switch {
		case args[0] == "list" && len(args) == 1:
			shown, err = p.showParked(ctx, c, q.Parked(), nil, shown)
		case args[0] == "show" && len(args) > 1:
			shown, err = p.showParked(ctx, c, q.Parked(), args[1:], shown)
		case args[0] == "replay" && len(args) > 1:
			err = p.replay(ctx, c, q.Parked(), args[1:])
		default:
			return errors.New("type: dlq [list | show ID… | replay ID… | replay all]")
		}
		if err != nil {
			return err
		}
	}
	if shown == 0 && args[0] != "replay" {
		fmt.Fprintln(p.out, "no dead letters")
	}
	return nil
}

// showParked prints a line for each message, or all that is known of those with the ids. It returns how many have been shown by
// now.
func (p *program) showParked(ctx context.Context, c bus.Config, parked string, ids []string, shown int) (int, error) {
	all, err := bus.List(ctx, c, parked, most)
	if err != nil {
		return shown, err
	}
	for _, m := range all {
		if ids != nil && !slices.Contains(ids, m.Delivery.MessageId) {
			continue
		}
		shown++
		fmt.Fprintf(p.out, "%s  %s of %s, died in %s after %d attempts: %s\n", m.Delivery.MessageId, m.Delivery.Type,
			m.Delivery.CorrelationId, m.Queue, m.Attempts, m.Reason)
		if ids != nil {
			fmt.Fprintf(p.out, "%v\n%s\n", m.Delivery.Headers, m.Delivery.Body)
		}
	}
	return shown, nil
}

func (p *program) replay(ctx context.Context, c bus.Config, parked string, ids []string) error {
	if ids[0] == "all" {
		ids = nil
	}
	moved, stuck, err := bus.Replay(ctx, c, parked, most, ids...)
	if moved > 0 {
		fmt.Fprintf(p.out, "%s: %d sent back\n", parked, moved)
	}
	for _, m := range stuck {
		fmt.Fprintf(p.out, "%s: %s stays: nobody knows where it died, or that queue is gone\n", parked, m.Delivery.MessageId)
	}
	return err
}

// showMap prints the services and who talks to whom, from their definitions and the table of messages.
func (p *program) showMap(context.Context, []string) error {
	hearers := make(map[string][]string)
	for _, d := range p.all {
		for _, name := range slices.Concat(d.Hears, d.Broadcasts) {
			hearers[name] = append(hearers[name], d.Name)
		}
	}
	for _, d := range p.all {
		fmt.Fprintf(p.out, "%s: %s\n", d.Name, d.About)
		if len(d.Calls) > 0 {
			fmt.Fprintf(p.out, "    asks  %s\n", strings.Join(d.Calls, ", "))
		}
		for _, m := range events.All() {
			switch {
			case m.From != d.Name:
			case m.Command():
				fmt.Fprintf(p.out, "    tells %-22s ─▶ %s\n", m.Name, m.Queue)
			case len(hearers[m.Name]) > 0:
				fmt.Fprintf(p.out, "    says  %-22s ─▶ %s\n", m.Name, strings.Join(hearers[m.Name], ", "))
			default:
				fmt.Fprintf(p.out, "    says  %s\n", m.Name)
			}
		}
	}
	return nil
}
