package audit

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"

	amqp "github.com/rabbitmq/amqp091-go"

	"warren.example/06-services/api/inventorypb"
	"warren.example/06-services/money"
)

// Sources are whom Gather asks.
type Sources struct {
	HTTP      *http.Client
	Order     string                      // URL of the order service
	Provider  string                      // URL of the payment provider
	Token     string                      // an administrator's
	Inventory inventorypb.InventoryClient // nil: goods aren't judged
	Broker    *amqp.Connection
	Parked    []string       // queues where nothing should be parked
	Placed    []string       // orders that were accepted, besides those that the stream tells of
	Supplied  map[string]int // by SKU, what was ever put in: the inventory doesn't tell
}

// Gather collects the facts when the shop rests. Facts.Outboxes is left to the caller: no service shows its outbox to others.
func Gather(ctx context.Context, s Sources) (Facts, error) {
	f := Facts{Stream: []Entry{}, Orders: map[string]Order{}, Charges: map[string]Charge{}, Stock: map[string]Stock{},
		Overdue: map[string]string{}, Parked: map[string]int{}}
	_, err := Read(ctx, s.Broker, 0, func(e Entry) error {
		f.Stream = append(f.Stream, e)
		return nil
	})
	if err != nil {
		return Facts{}, err
	}
	for _, gather := range []func(context.Context, *Facts) error{s.orders, s.sagas, s.charges, s.stock, s.parked} {
		if err := gather(ctx, &f); err != nil {
			return Facts{}, err
		}
	}
	return f, nil
}

func (s Sources) orders(ctx context.Context, f *Facts) error {
	ids := map[string]bool{}
	for _, id := range s.Placed {
		ids[id] = true
	}
	for _, e := range f.Stream {
		if e.Type == "order.placed" {
			ids[e.Correlation] = true
		}
	}
	for id := range ids {
		var o struct {
			Status string
			Total  money.Money
			Items  []struct {
				SKU      string
				Quantity int
			}
		}
		known, err := s.get(ctx, s.Order+"/orders/"+url.PathEscape(id), &o)
		if err != nil {
			return err
		}
		if !known && !slices.Contains(s.Placed, id) {
			continue // the stream's word for it only: the judge says so
		}
		items := map[string]int{}
		for _, i := range o.Items {
			items[i.SKU] += i.Quantity
		}
		f.Orders[id] = Order{Status: o.Status, Total: o.Total, Items: items}
	}
	return nil
}

// sagas that are overdue are asked for; one that is stuck is among them, and says that a human knows.
func (s Sources) sagas(ctx context.Context, f *Facts) error {
	for after, more := "", true; more; more = after != "" {
		var page struct {
			Sagas []struct{ Order, State string }
			Next  string
		}
		if err := s.list(ctx, s.Order+"/sagas?overdue=true&after="+url.QueryEscape(after), &page); err != nil {
			return err
		}
		for _, saga := range page.Sagas {
			f.Overdue[saga.Order] = saga.State
			if o, ok := f.Orders[saga.Order]; ok && (saga.State == "stuck" || saga.State == "repay_stuck") {
				o.Stuck = true
				f.Orders[saga.Order] = o
			}
		}
		after = page.Next
	}
	return nil
}

func (s Sources) charges(ctx context.Context, f *Facts) error {
	for after, more := "", true; more; more = after != "" {
		var page struct {
			Charges []struct {
				Key, State       string
				Amount, Refunded money.Money
			}
			Next string
		}
		if err := s.list(ctx, s.Provider+"/charges?limit=1000&after="+url.QueryEscape(after), &page); err != nil {
			return err
		}
		for _, c := range page.Charges { // payment asks the provider under the order's id
			if c.State == "captured" {
				f.Charges[c.Key] = Charge{Captured: c.Amount, Refunded: c.Refunded}
			}
		}
		after = page.Next
	}
	return nil
}

func (s Sources) stock(ctx context.Context, f *Facts) error {
	if s.Inventory == nil {
		return nil
	}
	for skus := range slices.Chunk(slices.Sorted(maps.Keys(s.Supplied)), 100) {
		answer, err := s.Inventory.GetStock(ctx, &inventorypb.GetStockRequest{Skus: skus})
		if err != nil {
			return fmt.Errorf("ask for the stock: %w", err)
		}
		for _, sku := range skus {
			f.Stock[sku] = Stock{Supplied: s.Supplied[sku]}
		}
		for _, l := range answer.GetLevels() {
			f.Stock[l.GetSku()] = Stock{Supplied: s.Supplied[l.GetSku()], Available: int(l.GetAvailable()),
				Reserved: int(l.GetReserved())}
		}
	}
	return nil
}

func (s Sources) parked(_ context.Context, f *Facts) error {
	ch, err := s.Broker.Channel()
	if err != nil {
		return fmt.Errorf("open a channel: %w", err)
	}
	defer ch.Close()
	for _, name := range s.Parked {
		q, err := ch.QueueDeclarePassive(name, true, false, false, false, nil)
		if err != nil {
			return fmt.Errorf("look into %s: %w", name, err)
		}
		f.Parked[name] = q.Messages
	}
	return nil
}

// list is get where something must be.
func (s Sources) list(ctx context.Context, address string, v any) error {
	known, err := s.get(ctx, address, v)
	if err == nil && !known {
		err = fmt.Errorf("ask %s: there is no such list", address)
	}
	return err
}

// get reads an answer. known is false if it is 404.
func (s Sources) get(ctx context.Context, address string, v any) (known bool, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return false, err
	}
	r.Header.Set("Authorization", "Bearer "+s.Token)
	answer, err := s.HTTP.Do(r)
	if err != nil {
		return false, err
	}
	defer answer.Body.Close()
	switch answer.StatusCode {
	case http.StatusOK:
	case http.StatusNotFound:
		return false, nil
	default:
		return false, fmt.Errorf("ask %s: %s", address, answer.Status)
	}
	if err := json.NewDecoder(io.LimitReader(answer.Body, 16<<20)).Decode(v); err != nil {
		return false, fmt.Errorf("read the answer of %s: %w", address, err)
	}
	return true, nil
}
