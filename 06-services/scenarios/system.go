// Package scenarios has what customers do with the shop, on every path that an order can take, as tests. They know the shop by
// its gateway only, so they run against any way of starting it: one process or many, whatever broker and database.
package scenarios

import (
	"sync"
	"testing"

	"warren.example/06-services/config"
)

// A System is a shop that runs.
type System struct {
	Gateway   string // "http://127.0.0.1:8080"
	Inventory string // the inventory's gRPC, "127.0.0.1:9090"
	Provider  string // the payment provider's URL
	AMQP      string // RabbitMQ's URL
	Admin     config.Admin
	// Restart ends all services, as hard as this way of starting allows, and starts them again. Fields of the System may change.
	Restart func(t *testing.T)
	// Broker is nil if RabbitMQ isn't the test's to break.
	Broker Broker

	mu       sync.Mutex     // guards what follows: what the tests have done, for the auditor
	supplied map[string]int // by SKU
	placed   []string       // orders
}

// A Broker can be killed.
type Broker interface {
	Kill()
	Restart() error
}

// Start starts a shop with these settings besides its own, and sees to it that the shop ends with the test. The shop may be on
// its way up when Start returns.
type Start func(t *testing.T, settings map[string]string) *System

// Impatient are settings for tests: the waiting that the paths are made of is short, and nobody is held up by limits.
func Impatient() map[string]string {
	return map[string]string{
		"SHOP_RESERVE_WAIT": "2s",
		"SHOP_CHARGE_WAIT":  "1s",
		"SHOP_UNDO_WAIT":    "500ms",
		"SHOP_RETRY":        "100ms,500ms,1s,2s,5s",
		"SHOP_PARCEL":       "20ms",

		"SHOP_PASSWORD_COST": "4",
		"SHOP_GATEWAY_RATE":  "100000",
		"SHOP_GATEWAY_BURST": "100000",
		"SHOP_SAMPLES":       "false",
		"SHOP_LOG_LEVEL":     "warn",

		"SHOP_ADMIN_EMAIL":    "admin@shop.example",
		"SHOP_ADMIN_PASSWORD": "the administrator's",
	}
}
