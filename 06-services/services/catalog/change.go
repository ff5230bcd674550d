package catalog

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/http"

	"github.com/gorilla/mux"

	"warren.example/06-services/events"
	"warren.example/06-services/httpx"
	"warren.example/06-services/money"
	"warren.example/06-services/outbox"
)

// A change is the body of PUT /products/{sku}. Minor is a pointer, so that a price that was left out isn't a gift.
type change struct {
	Title    string `json:"title" validate:"required,max=200"`
	Category string `json:"category" validate:"required,max=64"`
	Price    struct {
		Minor    *int64 `json:"minor" validate:"required,min=0,max=100000000"` // a million: so no order's sum overflows
		Currency string `json:"currency" validate:"required,iso4217"`
	} `json:"price"`
}

// put answers PUT /products/{sku}: a product is new (201), or changed, or sold again (200).
func (c *catalog) put(w http.ResponseWriter, r *http.Request) {
	sku := mux.Vars(r)["sku"]
	var body change
	if !httpx.Read(w, r, &body) {
		return
	}
	wrong := make(map[string]string)
	if !validSKU(sku) {
		wrong["sku"] = "must be letters, digits, dots, dashes and underscores, at most 64"
	}
	if !validCategory(body.Category) {
		wrong["category"] = "must be letters, digits, dots, dashes and underscores, at most 64"
	}
	if len(wrong) > 0 {
		httpx.FailWith(w, httpx.Problem{Status: http.StatusUnprocessableEntity, Detail: "some values won't do", Fields: wrong})
		return
	}
	p := Product{SKU: sku, Title: body.Title, Category: body.Category,
		Price: money.Of(*body.Price.Minor, body.Price.Currency)}
	err := c.box.Do(r.Context(), func(ctx context.Context, tx *outbox.Tx) (err error) {
		if p.Version, err = upsert(ctx, tx, p); err != nil {
			return err
		}
		return sendPrice(ctx, tx, p, false)
	})
	if err != nil {
		c.broken(w, r, err)
		return
	}
	c.drop(r.Context(), p)
	status := http.StatusOK
	if p.Version == 1 {
		status = http.StatusCreated
		w.Header().Set("Location", "/products/"+sku)
	}
	if now, ok, err := c.find(r.Context(), sku); err == nil && ok { // with stock; somebody may have changed it again
		p = now
	}
	httpx.Write(w, status, p)
}

// upsert stores a product and returns its new version.
func upsert(ctx context.Context, tx *outbox.Tx, p Product) (version int64, err error) {
	err = tx.QueryRowContext(ctx, `
		INSERT INTO products (sku, title, category, minor, currency, version, deleted) VALUES ($1, $2, $3, $4, $5, 1, FALSE)
		ON CONFLICT (sku) DO UPDATE SET title = excluded.title, category = excluded.category, minor = excluded.minor,
			currency = excluded.currency, version = products.version + 1, deleted = FALSE
		RETURNING version`,
		p.SKU, p.Title, p.Category, p.Price.Minor, p.Price.Currency).Scan(&version)
	if err != nil {
		return 0, fmt.Errorf("store product %s: %w", p.SKU, err)
	}
	return version, nil
}

// delete answers DELETE /products/{sku}: it isn't sold any more. Orders that have it keep it.
func (c *catalog) delete(w http.ResponseWriter, r *http.Request) {
	p := Product{SKU: mux.Vars(r)["sku"]}
	found := false
	err := c.box.Do(r.Context(), func(ctx context.Context, tx *outbox.Tx) error {
		if !validSKU(p.SKU) {
			return nil
		}
		err := tx.QueryRowContext(ctx, `
			UPDATE products SET deleted = TRUE, version = version + 1 WHERE sku = $1 AND NOT deleted
			RETURNING minor, currency, version`, p.SKU).Scan(&p.Price.Minor, &p.Price.Currency, &p.Version)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("delete product %s: %w", p.SKU, err)
		}
		found = true
		return sendPrice(ctx, tx, p, true)
	})
	switch {
	case err != nil:
		c.broken(w, r, err)
	case !found:
		httpx.Fail(w, http.StatusNotFound, "no such product")
	default:
		c.drop(r.Context(), p)
		w.WriteHeader(http.StatusNoContent)
	}
}

// sendPrice tells the others, and the other instances' caches: so it goes out with each change, the title's too.
func sendPrice(ctx context.Context, tx *outbox.Tx, p Product, deleted bool) error {
	return tx.Send(ctx, events.ProductPriceChanged{SKU: p.SKU, Price: p.Price, Deleted: deleted},
		events.About{Correlation: p.SKU, Version: p.Version})
}

// drop takes what was changed out of the cache here and now, so that who has changed it sees it. The message does so, too.
func (c *catalog) drop(ctx context.Context, p Product) {
	if err := c.cache.Drop(context.WithoutCancel(ctx), p.SKU, p.Version); err != nil {
		c.log.Warn("the cache doesn't drop what was changed", "sku", p.SKU, "error", err)
	}
}
