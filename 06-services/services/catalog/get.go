package catalog

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/gorilla/mux"

	"warren.example/06-services/httpx"
)

// get answers GET /products/{sku}. It isn't kept in the cache of prices, since stock changes with each order; but whoever asks
// may keep the answer for ten seconds, and then ask whether it still holds (RFC 9111; If-None-Match: 304 and no body).
func (c *catalog) get(w http.ResponseWriter, r *http.Request) {
	p, ok, err := c.find(r.Context(), mux.Vars(r)["sku"])
	if err != nil {
		c.broken(w, r, err)
		return
	}
	if !ok {
		httpx.Fail(w, http.StatusNotFound, "no such product")
		return
	}
	body, err := json.Marshal(p)
	if err != nil {
		c.broken(w, r, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "public, max-age=10")
	w.Header().Set("ETag", fmt.Sprintf(`"%d-%t"`, p.Version, p.InStock))
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(body)) // knows If-None-Match
}

// find returns a product that is sold.
func (c *catalog) find(ctx context.Context, sku string) (p Product, ok bool, err error) {
	if !validSKU(sku) {
		return Product{}, false, nil
	}
	found, err := c.query(ctx, "AND sku = $1", sku)
	if err != nil || len(found) == 0 {
		return Product{}, false, err
	}
	return found[0], true, nil
}
