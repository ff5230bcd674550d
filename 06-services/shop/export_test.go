package shop

import (
	"context"

	"warren.example/06-services/config"
	"warren.example/06-services/service"
)

// BrokerURLs and MakeUsers are what a shop does with RabbitMQ's users.
func BrokerURLs(c config.Config, all ...service.Definition) (map[string][]string, error) {
	return brokers(c, nil, all)
}

func MakeUsers(ctx context.Context, c config.Config, all ...service.Definition) error {
	return makeUsers(ctx, c, all)
}
