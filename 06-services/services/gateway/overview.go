package gateway

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"

	"github.com/gorilla/mux"
	"golang.org/x/sync/errgroup"

	"warren.example/06-services/api/catalogpb"
	"warren.example/06-services/auth"
	"warren.example/06-services/httpx"
)

// An Overview is all that a customer wants to know of an order, from four services.
type Overview struct {
	Order      json.RawMessage   `json:"order"`
	Titles     map[string]string `json:"titles"`     // by SKU, of what is still sold
	Parcel     json.RawMessage   `json:"parcel"`     // null while there is none
	Deliveries json.RawMessage   `json:"deliveries"` // what the customer was told of it
	// Missing names the parts that nobody could tell in time. They are null.
	Missing []string `json:"missing"`
}

// overview asks order first: it alone is needed, and it knows whose the order is. The others are asked at the same time, each
// with its own deadline; one that is slow or dead is left out, and costs the customer a part and a moment, not the page.
func (g *gateway) overview(w http.ResponseWriter, r *http.Request) {
	order, ok := g.own(w, r)
	if !ok {
		return
	}
	var known struct {
		ID       string `json:"id"`
		Customer string `json:"customer"` // not always who asks: an administrator may
		Items    []struct {
			SKU string `json:"sku"`
		} `json:"items"`
	}
	if err := json.Unmarshal(order.body, &known); err != nil || known.ID == "" {
		g.fail(w, r, fmt.Errorf("%w: an order that can't be read: %w", errBadAnswer, err))
		return
	}
	view := Overview{Order: order.body, Missing: []string{}}
	var titles, parcel, deliveries error
	var parts errgroup.Group // each writes to its own variables, and none ends the others
	parts.Go(func() error {
		skus := make([]string, 0, len(known.Items))
		for _, item := range known.Items {
			skus = append(skus, item.SKU)
		}
		view.Titles, titles = g.titles(r.Context(), skus)
		return nil
	})
	parts.Go(func() error {
		view.Parcel, parcel = g.part(r, g.parcelOf(r))
		return nil
	})
	parts.Go(func() error {
		view.Deliveries, deliveries = g.part(r, g.told(r, url.Values{"user": {known.Customer}, "order": {known.ID}}))
		return nil
	})
	_ = parts.Wait()
	for _, part := range []struct {
		name string
		err  error
	}{{"titles", titles}, {"parcel", parcel}, {"deliveries", deliveries}} {
		if part.err != nil {
			g.log.WarnContext(r.Context(), "an overview lacks a part", "order", mux.Vars(r)["id"], "part", part.name, "error", part.err)
			g.observe("overview.missing", 1, "part", part.name)
			view.Missing = append(view.Missing, part.name)
		}
	}
	httpx.Write(w, http.StatusOK, view)
}

// parcel answers with the parcel of an order. Shipping doesn't know customers, so order is asked first whose it is.
func (g *gateway) parcel(w http.ResponseWriter, r *http.Request) {
	if _, ok := g.own(w, r); ok {
		g.answer(w, r, g.parcelOf(r))
	}
}

// deliveries answers with what the customer was told.
func (g *gateway) deliveries(w http.ResponseWriter, r *http.Request) {
	c, _ := auth.From(r.Context())
	if query, ok := query(w, r); ok {
		query.Set("user", c.ID) // whatever the customer says
		g.answer(w, r, g.told(r, query))
	}
}

// own returns the order that is asked for, if the customer may see it. Else it has answered, with 404 for an order of somebody
// else's: that it is there is nobody's business.
func (g *gateway) own(w http.ResponseWriter, r *http.Request) (order answer, ok bool) {
	q := question{service: "order", method: "GET", path: "/orders/" + mux.Vars(r)["id"], header: g.header(r)}
	q.header.Set("Authorization", r.Header.Get("Authorization"))
	order, err := g.upstream.ask(r.Context(), g.upstream.wait, q)
	if err != nil {
		g.fail(w, r, err)
		return order, false
	}
	if order.status != http.StatusOK {
		g.write(w, r, q.service, order)
		return order, false
	}
	return order, true
}

// parcelOf and told need no token: whose they are was settled before.
func (g *gateway) parcelOf(r *http.Request) question {
	return question{service: "shipping", method: "GET", path: "/parcels/" + mux.Vars(r)["id"], header: g.header(r)}
}

func (g *gateway) told(r *http.Request, query url.Values) question {
	return question{service: "notification", method: "GET", path: "/deliveries", query: query, header: g.header(r)}
}

// part asks for a part of an overview. What isn't there yet (404) is null, and no error.
func (g *gateway) part(r *http.Request, q question) (json.RawMessage, error) {
	a, err := g.upstream.ask(r.Context(), g.partWait, q)
	switch {
	case err != nil:
		return nil, err
	case a.status == http.StatusNotFound:
		return nil, nil
	case a.status != http.StatusOK || !json.Valid(a.body):
		return nil, fmt.Errorf("ask %s for %s: %w: status %d", q.service, q.path, errBadAnswer, a.status)
	}
	return a.body, nil
}

// titles returns the titles of products, by gRPC: 100 of them at most in one call.
func (g *gateway) titles(ctx context.Context, skus []string) (map[string]string, error) {
	ctx, cancel := context.WithTimeout(ctx, g.partWait)
	defer cancel()
	titles := make(map[string]string, len(skus))
	for some := range slices.Chunk(skus, 100) {
		found, err := g.catalog.GetProducts(ctx, &catalogpb.GetProductsRequest{Skus: some})
		if err != nil {
			return nil, fmt.Errorf("ask catalog for titles: %w", err)
		}
		for _, p := range found.GetProducts() {
			titles[p.GetSku()] = p.GetTitle()
		}
	}
	return titles, nil
}
