package payment_test

import (
	"testing"

	"warren.example/06-services/events/eventstest"
	"warren.example/06-services/services/payment"
)

func TestItUnderstandsWhatOthersSend(t *testing.T) {
	each(t, func(t *testing.T, s *bank) {
		eventstest.Receives(t, s.Commands, append(payment.Definition.Hears, eventstest.Commands("payment")...)...)
	})
}
