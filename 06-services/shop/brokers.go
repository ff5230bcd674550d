package shop

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/url"
	"strings"

	amqp "github.com/rabbitmq/amqp091-go"

	"warren.example/06-services/config"
	"warren.example/06-services/service"
	"warren.example/workshop/management"
	"warren.example/workshop/minirabbit"
)

// brokers returns RabbitMQ's URLs for each service, with a user of its own where users can be made, and under "" those that the
// settings have.
func brokers(c config.Config, mini *minirabbit.Server, all []service.Definition) (map[string][]string, error) {
	urls := map[string][]string{}
	if mini != nil {
		urls[""] = []string{mini.URL()}
		for _, d := range all {
			urls[d.Name] = []string{mini.URLFor(d.Name, localPassword, "/")}
		}
		return urls, nil
	}
	for _, text := range c.AMQP {
		u, err := url.Parse(text)
		if err != nil {
			return nil, fmt.Errorf("WORKSHOP_AMQP_URL is not like amqp://user:password@host:5672/vhost")
		}
		if c.AMQPCA != "" && u.Scheme == "amqps" {
			q := u.Query()
			q.Set("cacertfile", c.AMQPCA)
			u.RawQuery = q.Encode()
		}
		urls[""] = append(urls[""], u.String())
		if c.Management == "" {
			continue
		}
		for _, d := range all {
			own := *u
			own.User = url.UserPassword(user(d.Name), password(c, d.Name))
			urls[d.Name] = append(urls[d.Name], own.String())
		}
	}
	return urls, nil
}

// user is the name of a service's user at RabbitMQ.
func user(service string) string { return "shop-" + service }

// password is that of a service's user. It follows from the administrator's, so that all processes know it and none keeps it.
func password(c config.Config, service string) string {
	var secret string
	if u, err := url.Parse(c.Management); err == nil {
		secret, _ = u.User.Password()
	}
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte("the shop's user " + service))
	return hex.EncodeToString(mac.Sum(nil))
}

// makeUsers makes a user of RabbitMQ for each service, with the rights that it needs and no others: bus.Queues.Permissions. It
// does nothing without SHOP_MANAGEMENT_URL.
func makeUsers(ctx context.Context, c config.Config, all []service.Definition) error {
	if c.Management == "" || len(c.AMQP) == 0 {
		return nil
	}
	client, err := management.New(c.Management)
	if err != nil {
		return err
	}
	where, err := amqp.ParseURI(strings.TrimSpace(c.AMQP[0]))
	if err != nil {
		return fmt.Errorf("WORKSHOP_AMQP_URL is not like amqp://user:password@host:5672/vhost")
	}
	for _, d := range all {
		if err := client.PutUser(ctx, user(d.Name), management.User{Password: password(c, d.Name)}); err != nil {
			return fmt.Errorf("make the user %s: %w", user(d.Name), err)
		}
		p := management.Permissions(queues(d, c).Permissions())
		if err := client.PutPermissions(ctx, where.Vhost, user(d.Name), p); err != nil {
			return fmt.Errorf("give the user %s its rights: %w", user(d.Name), err)
		}
	}
	return nil
}
