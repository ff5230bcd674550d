package events_test

import (
	"encoding/json"
	"maps"
	"slices"

	"warren.example/06-services/events"
)

// A change is a body of which one value was taken away or made worse.
type change struct {
	body   []byte
	unseen bool // a number or boolean is missing: Go reads 0 or false
}

// changes returns all changes of a JSON value.
func changes(root any) []change {
	var all []change
	spoil(root, func(v any, unseen bool) {
		if body, err := json.Marshal(v); err == nil {
			all = append(all, change{body, unseen})
		}
	})
	return all
}

// spoil calls emit with each way to spoil v, and v's parts in place.
func spoil(v any, emit func(v any, unseen bool)) {
	switch v := v.(type) {
	case map[string]any:
		for key, part := range v {
			without := maps.Clone(v)
			delete(without, key)
			emit(without, plain(part))
			spoil(part, func(worse any, unseen bool) {
				with := maps.Clone(v)
				with[key] = worse
				emit(with, unseen)
			})
		}
		emit("an object", false)
	case []any:
		emit([]any{}, false)
		for i, part := range v {
			spoil(part, func(worse any, unseen bool) {
				with := slices.Clone(v)
				with[i] = worse
				emit(with, unseen)
			})
		}
		emit("a list", false)
	case json.Number:
		for _, worse := range []any{0, -1, 1.5, "2", true} {
			emit(worse, false)
		}
	case string:
		for _, worse := range []any{"", "eur", "EURO", 7, true, []any{}, map[string]any{}} {
			emit(worse, false)
		}
	case bool:
		for _, worse := range []any{!v, "true", 1} {
			emit(worse, false)
		}
	}
}

// plain tells whether a value is a number or a boolean.
func plain(v any) bool {
	switch v.(type) {
	case json.Number, bool:
		return true
	}
	return false
}

// decoders has events.Decode for each type.
var decoders = map[string]func(events.Message) (any, error){}

func init() {
	add[events.StockReserve]()
	add[events.StockRelease]()
	add[events.StockCommit]()
	add[events.StockReturn]()
	add[events.StockReserved]()
	add[events.StockRejected]()
	add[events.StockReleased]()
	add[events.StockCommitted]()
	add[events.StockReturned]()
	add[events.StockLevel]()
	add[events.PaymentCharge]()
	add[events.PaymentVoid]()
	add[events.PaymentRefund]()
	add[events.PaymentCaptured]()
	add[events.PaymentDeclined]()
	add[events.PaymentVoided]()
	add[events.PaymentRefunded]()
	add[events.PaymentRefundFailed]()
	add[events.OrderPlaced]()
	add[events.OrderConfirmed]()
	add[events.OrderCancelled]()
	add[events.OrderRefunded]()
	add[events.UserSignup]()
	add[events.UserLogin]()
	add[events.UserPurchase]()
	add[events.ProductPriceChanged]()
	add[events.ParcelPick]()
	add[events.ParcelPickFirst]()
	add[events.ParcelMoved]()
	add[events.NotificationSent]()
	add[events.NewsRecall]()
	add[events.NewsOffer]()
}

func add[P events.Payload]() {
	var p P
	decoders[p.Name()] = func(m events.Message) (any, error) { return events.Decode[P](m) }
}
