package inventory_test

import (
	"testing"

	"warren.example/06-services/events/eventstest"
	"warren.example/06-services/services/inventory"
)

func TestItUnderstandsWhatOthersSend(t *testing.T) {
	each(t, func(t *testing.T, s *shop) {
		eventstest.Receives(t, s.Commands, append(inventory.Definition.Hears, eventstest.Commands("inventory")...)...)
	})
}
