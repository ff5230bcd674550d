package catalog

import (
	"fmt"
	"net/http"
	"strconv"

	"warren.example/06-services/httpx"
)

const (
	listDefault = 20
	listMax     = 100
)

// A page is the answer of list.
type page struct {
	Products []Product `json:"products"`
	Next     string    `json:"next,omitempty"` // ask for it with after=; none: this is the last page
}

// list answers GET /products?category=&after=&limit= with products in the order of their SKUs. A page begins after a SKU, not
// at a number: what is added or deleted meanwhile shifts nothing, and the last page costs no more than the first.
func (c *catalog) list(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	category, after, limit := query.Get("category"), query.Get("after"), listDefault
	wrong := make(map[string]string)
	if category != "" && !validCategory(category) {
		wrong["category"] = "must be a category"
	}
	if after != "" && !validSKU(after) {
		wrong["after"] = "must be a sku"
	}
	if text := query.Get("limit"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > listMax {
			wrong["limit"] = fmt.Sprintf("must be 1 to %d", listMax)
		}
		limit = n
	}
	if len(wrong) > 0 {
		httpx.FailWith(w, httpx.Problem{Status: http.StatusBadRequest, Detail: "some parameters won't do", Fields: wrong})
		return
	}
	found, err := c.query(r.Context(), "AND sku > $1 AND ($2 = '' OR category = $2) ORDER BY sku LIMIT $3",
		after, category, limit+1) // one more, to know whether there is a next page
	if err != nil {
		c.broken(w, r, err)
		return
	}
	answer := page{Products: found}
	if len(found) > limit {
		answer = page{Products: found[:limit], Next: found[limit-1].SKU}
	}
	httpx.Write(w, http.StatusOK, answer)
}
