package order_test

import (
	"testing"

	"warren.example/06-services/events/eventstest"
	"warren.example/06-services/services/order"
)

func TestUnderstandsWhatOthersSend(t *testing.T) {
	s := open(t, sqlite)
	eventstest.Receives(t, s.service.Events, order.Definition.Hears...)
}
