// Package system is the map of the shop: all its services. Who talks to whom follows from their definitions and from the table of
// package events; `shop map` prints it.
//
//	customers ─▶ gateway ─▶ user, catalog, order, shipping, notification
//	                                     order ─▶ catalog (prices)
//	                                     order ─▶ inventory, payment (commands; they answer with events)
//	                                              payment ─▶ provider
//	                                     order.confirmed ─▶ shipping, user, notification
package system

import (
	"warren.example/06-services/service"
	"warren.example/06-services/services/catalog"
	"warren.example/06-services/services/gateway"
	"warren.example/06-services/services/inventory"
	"warren.example/06-services/services/notification"
	"warren.example/06-services/services/order"
	"warren.example/06-services/services/payment"
	"warren.example/06-services/services/payment/provider"
	"warren.example/06-services/services/shipping"
	"warren.example/06-services/services/user"
)

// Services returns the definitions of all services, in the order in which an order comes to them.
func Services() []service.Definition {
	return []service.Definition{
		gateway.Definition,
		user.Definition,
		catalog.Definition,
		order.Definition,
		inventory.Definition,
		payment.Definition,
		provider.Definition,
		shipping.Definition,
		notification.Definition,
	}
}
