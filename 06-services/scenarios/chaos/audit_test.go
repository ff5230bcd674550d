package chaos

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	system "warren.example/06-services"
	"warren.example/06-services/api/inventorypb"
	"warren.example/06-services/audit"
)

// rest waits until nothing is wrong any more. If something still is when ctx ends, it says what.
func (h *house) rest(ctx context.Context) error {
	var wrong []string
	var failed error
	waited := await(ctx, 200*time.Millisecond, func() bool {
		found, err := h.audit(ctx)
		if err == nil {
			wrong, failed = found, nil
		} else if ctx.Err() == nil {
			failed = err
		}
		return err == nil && len(found) == 0
	})
	if waited == nil {
		return nil
	}
	return errors.Join(waited, failed, errors.New(strings.Join(wrong, "\n")))
}

// audit returns what is wrong now: what the auditor finds, and what customers would find who look at their parcels and mails.
func (h *house) audit(ctx context.Context) (wrong []string, err error) {
	f, err := h.gather(ctx)
	if err != nil {
		return nil, err
	}
	for _, v := range audit.Judge(f) {
		wrong = append(wrong, v.String())
	}
	told, err := h.told(ctx)
	if err != nil {
		return nil, err
	}
	purchases := map[string]map[string]bool{} // by order, the messages that say so
	for _, e := range f.Stream {
		if e.Type == "user.purchase" {
			if purchases[e.Correlation] == nil {
				purchases[e.Correlation] = map[string]bool{}
			}
			purchases[e.Correlation][e.ID] = true
		}
	}
	for id, s := range h.sold {
		add := func(format string, args ...any) {
			wrong = append(wrong, fmt.Sprintf("%s %s: ", s.path.name, id)+fmt.Sprintf(format, args...))
		}
		if got := f.Orders[id].Status; got != s.status {
			add("it ended %s, and is %q", s.status, got)
		}
		if got, want := len(purchases[id]), len(mails[s.status])-1; got != min(want, 1) && s.status != "cancelled" {
			add("%d purchases are told", got)
		}
		for _, about := range mails[s.status] {
			if told[id][about] != 1 {
				add("the customer is told of %s %d times", about, told[id][about])
			}
		}
		if len(told[id]) != len(mails[s.status]) {
			add("it is %s, and the customer is told %v", s.status, slices.Sorted(maps.Keys(told[id])))
		}
		if s.run == h.runs && s.status == "confirmed" {
			if moves, err := h.moves(ctx, id); err != nil || moves != 3 {
				add("the parcel has moved %d times: %v", moves, err)
			}
		}
	}
	more, err := h.shelves(ctx, f)
	return append(wrong, more...), err
}

// mails are what a customer is told of an order, once each.
var mails = map[string][]string{
	"confirmed": {"order.placed", "order.confirmed"},
	"cancelled": {"order.placed", "order.cancelled"},
	"refunded":  {"order.placed", "order.confirmed", "order.refunded"},
}

func (h *house) gather(ctx context.Context) (audit.Facts, error) {
	admin, err := h.admin(ctx)
	if err != nil {
		return audit.Facts{}, err
	}
	broker, err := amqp.Dial(h.broker.URL())
	if err != nil {
		return audit.Facts{}, err
	}
	defer broker.Close()
	conn, err := grpc.NewClient(h.inventory, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return audit.Facts{}, err
	}
	defer conn.Close()
	s := audit.Sources{HTTP: http.DefaultClient, Order: h.addresses["order"], Provider: h.addresses["provider"],
		Token: admin.token, Inventory: inventorypb.NewInventoryClient(conn), Broker: broker, Placed: slices.Collect(maps.Keys(h.sold)),
		Supplied: h.stocked}
	for _, d := range system.Services() {
		if d.Name != "gateway" && d.Name != "provider" {
			s.Parked = append(s.Parked, d.Name+".parked")
		}
	}
	f, err := audit.Gather(ctx, s)
	if err != nil {
		return f, err
	}
	f.Outboxes = map[string]int64{}
	for _, d := range system.Services() {
		if d.Store == nil {
			continue
		}
		err = errors.Join(err, h.look(d.Name, func(db *sql.DB) error {
			var n int64
			err := db.QueryRowContext(ctx, "SELECT COUNT(*) FROM outbox").Scan(&n)
			f.Outboxes[d.Name] = n
			return err
		}))
	}
	return f, err
}

// look opens the database of a service.
func (h *house) look(service string, fn func(*sql.DB) error) error {
	db, err := sql.Open("sqlite", "file:"+filepath.ToSlash(filepath.Join(h.folder, service+".db"))+"?_pragma=busy_timeout(5000)")
	if err != nil {
		return err
	}
	defer db.Close()
	return fn(db)
}

// told returns how many mails there were, by order and type of message.
func (h *house) told(ctx context.Context) (told map[string]map[string]int, err error) {
	told = map[string]map[string]int{}
	err = h.look("notification", func(db *sql.DB) error {
		rows, err := db.QueryContext(ctx, "SELECT correlation, about, COUNT(*) FROM deliveries WHERE sent AND about LIKE 'order.%' "+
			"GROUP BY correlation, about")
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var order, about string
			var n int
			if err := rows.Scan(&order, &about, &n); err != nil {
				return err
			}
			if told[order] == nil {
				told[order] = map[string]int{}
			}
			told[order][about] = n
		}
		return rows.Err()
	})
	return told, err
}

// moves returns how many moves of a parcel customers see.
func (h *house) moves(ctx context.Context, order string) (int, error) {
	var parcel struct{ Moves []struct{ Number int } }
	p := &person{gateway: h.addresses["shipping"]}
	_, err := p.ask(ctx, "GET", "/parcels/"+order, nil, &parcel, "", http.StatusOK)
	return len(parcel.Moves), err
}

// shelves wants that the catalog shows what the inventory has.
func (h *house) shelves(ctx context.Context, f audit.Facts) (wrong []string, err error) {
	p := &person{gateway: h.addresses["catalog"]}
	for _, way := range paths {
		sku := fmt.Sprintf("%s-%d", way.name, h.runs)
		if _, ok := h.stocked[sku]; !ok {
			continue
		}
		var product struct {
			InStock bool `json:"in_stock"`
		}
		if _, err := p.ask(ctx, "GET", "/products/"+sku, nil, &product, "", http.StatusOK); err != nil {
			return wrong, err
		}
		if product.InStock != (f.Stock[sku].Available > 0) {
			wrong = append(wrong, fmt.Sprintf("%s: in stock is %t, %d are available", sku, product.InStock, f.Stock[sku].Available))
		}
	}
	return wrong, nil
}
