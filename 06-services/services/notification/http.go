package notification

import (
	"context"
	"net/http"
	"strconv"

	"warren.example/06-services/auth"
	"warren.example/06-services/events"
	"warren.example/06-services/httpx"
	"warren.example/06-services/outbox"
)

// routes has what was told to whom, for the gateway, which knows who asks; and the newsroom, for those who run the shop.
func (s *notification) routes(v *auth.Verifier) http.Handler {
	r := httpx.NewRouter()
	r.HandleFunc("/deliveries", s.getDeliveries).Methods(http.MethodGet)
	r.Handle("/news", v.RequireAdmin(http.HandlerFunc(s.postNews))).Methods(http.MethodPost)
	return r
}

// most is how many deliveries a page has at most, and if nobody says otherwise.
const most = 100

func (s *notification) getDeliveries(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	p := page{user: q.Get("user"), order: q.Get("order"), after: q.Get("after"), limit: most}
	if p.user == "" {
		httpx.Fail(w, http.StatusBadRequest, "say whose: ?user=")
		return
	}
	if limit := q.Get("limit"); limit != "" {
		n, err := strconv.Atoi(limit)
		if err != nil || n < 1 || n > most {
			httpx.Fail(w, http.StatusBadRequest, "limit must be a number from 1 to 100")
			return
		}
		p.limit = n
	}
	all, next, err := deliveries(r.Context(), s.db, p)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	httpx.Write(w, http.StatusOK, struct {
		Deliveries []Delivery `json:"deliveries"`
		Next       string     `json:"next,omitempty"` // the "after" of the next page; empty: this was the last
	}{all, next})
}

// News is what the newsroom sends.
type News struct {
	Kind     string `json:"kind" validate:"required,oneof=recall offer"`
	SKU      string `json:"sku,omitempty" validate:"required_if=Kind recall,max=100"`
	Category string `json:"category,omitempty" validate:"required_if=Kind offer,max=100"`
	Text     string `json:"text" validate:"required,max=1000"`
}

// postNews sends an event, and is done: those who are told hear of it when it comes back.
func (s *notification) postNews(w http.ResponseWriter, r *http.Request) {
	var n News
	if !httpx.Read(w, r, &n) {
		return
	}
	var p events.Payload = events.NewsRecall{SKU: n.SKU, Text: n.Text}
	about := n.SKU
	if n.Kind == "offer" {
		p, about = events.NewsOffer{Category: n.Category, Text: n.Text}, n.Category
	}
	err := s.box.Do(r.Context(), func(ctx context.Context, tx *outbox.Tx) error {
		return tx.Send(ctx, p, events.About{Correlation: about, Now: s.now()})
	})
	if err != nil {
		s.fail(w, r, err)
		return
	}
	httpx.Write(w, http.StatusAccepted, n)
}

func (s *notification) fail(w http.ResponseWriter, r *http.Request, err error) {
	s.log.ErrorContext(r.Context(), "request failed", "path", r.URL.Path, "error", err)
	httpx.Fail(w, http.StatusInternalServerError, "")
}
