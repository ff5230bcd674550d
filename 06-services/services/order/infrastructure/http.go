package infrastructure

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"strings"

	"github.com/gorilla/mux"

	"warren.example/06-services/auth"
	"warren.example/06-services/httpx"
	"warren.example/06-services/services/order/application"
	"warren.example/06-services/services/order/order"
)

// API is the HTTP face of the service. All of it wants a customer's token.
type API struct {
	Orders *application.Orders
	Log    *slog.Logger
}

// Handler returns the routes. v checks the tokens.
func (a *API) Handler(v *auth.Verifier) http.Handler {
	const id = "{id:[0-9a-f-]{36}}" // what can't be an id is not found
	r := httpx.NewRouter()
	for _, route := range []struct {
		method, path string
		handle       http.HandlerFunc
	}{
		{"POST", "/orders", a.place},
		{"GET", "/orders", a.list},
		{"GET", "/orders/" + id, a.get},
		{"GET", "/orders/" + id + "/events", a.events},
		{"POST", "/orders/" + id + "/cancel", a.cancel},
		{"POST", "/orders/" + id + "/refund", a.refund},
	} {
		r.Handle(route.path, v.Require(route.handle)).Methods(route.method)
	}
	r.Handle("/sagas", v.RequireAdmin(http.HandlerFunc(a.sagas))).Methods("GET")
	r.Handle("/sagas/"+id+"/resume", v.RequireAdmin(http.HandlerFunc(a.resume))).Methods("POST")
	return r
}

type placeRequest struct {
	Items []struct {
		SKU      string `json:"sku" validate:"required,max=64"`
		Quantity int    `json:"quantity" validate:"min=1,max=1000"`
	} `json:"items" validate:"required,min=1,max=50,unique=SKU,dive"`
	Priority bool `json:"priority"`
}

// place answers 202: the order is stored, and will come to an end, one way or another.
func (a *API) place(w http.ResponseWriter, r *http.Request) {
	customer, _ := auth.From(r.Context())
	key := r.Header.Get("Idempotency-Key")
	if !plain(key) {
		httpx.Fail(w, http.StatusBadRequest, "the header Idempotency-Key must name this order: 1 to 255 ASCII characters, "+
			"the same whenever you ask for the same order again")
		return
	}
	var body placeRequest
	if !httpx.Read(w, r, &body) {
		return
	}
	request := application.Request{Priority: body.Priority}
	for _, i := range body.Items {
		request.Items = append(request.Items, application.Wanted{SKU: i.SKU, Quantity: i.Quantity})
	}
	answer, err := a.Orders.Place(r.Context(), customer.ID, key, request)
	var unknown *application.UnknownProducts
	if errors.As(err, &unknown) {
		fields := map[string]string{}
		for i, item := range request.Items {
			for _, sku := range unknown.SKUs {
				if item.SKU == sku {
					fields[fmt.Sprintf("items[%d].sku", i)] = fmt.Sprintf("%q is not sold", sku)
				}
			}
		}
		httpx.FailWith(w, httpx.Problem{Status: http.StatusUnprocessableEntity, Detail: "some products are not sold", Fields: fields})
		return
	}
	if err != nil {
		a.fail(w, r, err)
		return
	}
	accepted(w, answer)
}

func (a *API) get(w http.ResponseWriter, r *http.Request) {
	customer, _ := auth.From(r.Context())
	o, facts, err := a.Orders.Order(r.Context(), customer, mux.Vars(r)["id"])
	if err != nil {
		a.fail(w, r, err)
		return
	}
	httpx.Write(w, http.StatusOK, writeOrder(o, facts[0].At))
}

func (a *API) events(w http.ResponseWriter, r *http.Request) {
	customer, _ := auth.From(r.Context())
	_, facts, err := a.Orders.Order(r.Context(), customer, mux.Vars(r)["id"])
	if err != nil {
		a.fail(w, r, err)
		return
	}
	httpx.Write(w, http.StatusOK, writeEvents(facts))
}

func (a *API) list(w http.ResponseWriter, r *http.Request) {
	customer, _ := auth.From(r.Context())
	after, limit, ok := page(w, r)
	if !ok {
		return
	}
	lines, err := a.Orders.List(r.Context(), customer.ID, after, limit)
	if err != nil {
		a.fail(w, r, err)
		return
	}
	httpx.Write(w, http.StatusOK, writeLines(lines, limit))
}

func (a *API) cancel(w http.ResponseWriter, r *http.Request) {
	customer, _ := auth.From(r.Context())
	o, err := a.Orders.Cancel(r.Context(), customer, mux.Vars(r)["id"])
	a.wish(w, r, o, err)
}

func (a *API) refund(w http.ResponseWriter, r *http.Request) {
	customer, _ := auth.From(r.Context())
	o, err := a.Orders.Refund(r.Context(), customer, mux.Vars(r)["id"])
	a.wish(w, r, o, err)
}

func (a *API) sagas(w http.ResponseWriter, r *http.Request) {
	after, limit, ok := page(w, r)
	if !ok {
		return
	}
	sagas, err := a.Orders.Sagas(r.Context(), r.URL.Query().Get("overdue") == "true", after, limit)
	if err != nil {
		a.fail(w, r, err)
		return
	}
	httpx.Write(w, http.StatusOK, writeSagas(sagas, limit))
}

func (a *API) resume(w http.ResponseWriter, r *http.Request) {
	o, err := a.Orders.Resume(r.Context(), mux.Vars(r)["id"])
	a.wish(w, r, o, err)
}

// wish answers 202 with what the order is now.
func (a *API) wish(w http.ResponseWriter, r *http.Request, o order.Order, err error) {
	if err != nil {
		a.fail(w, r, err)
		return
	}
	accepted(w, application.Answer{ID: o.ID, Status: o.Status})
}

func accepted(w http.ResponseWriter, answer application.Answer) {
	w.Header().Set("Location", "/orders/"+answer.ID)
	httpx.Write(w, http.StatusAccepted, answer)
}

// plain tells whether a text is 1 to 255 printable ASCII characters, which every database takes.
func plain(s string) bool {
	return s != "" && len(s) <= 255 && !strings.ContainsFunc(s, func(c rune) bool { return c < ' ' || c > '~' })
}

// page reads after and limit: 1 to 100, 20 if there is none.
func page(w http.ResponseWriter, r *http.Request) (after string, limit int, ok bool) {
	limit = 20
	if text := r.URL.Query().Get("limit"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > 100 {
			httpx.Fail(w, http.StatusBadRequest, "limit must be 1 to 100")
			return "", 0, false
		}
		limit = n
	}
	after = r.URL.Query().Get("after")
	if after != "" && !plain(after) {
		httpx.Fail(w, http.StatusBadRequest, "after must be the next of the page before")
		return "", 0, false
	}
	return after, limit, true
}

// retryAfter is how many seconds a caller is asked to wait.
const retryAfter = "5"

// fail answers with what went wrong. What the caller can't help is logged, and not told.
func (a *API) fail(w http.ResponseWriter, r *http.Request, err error) {
	switch {
	case errors.Is(err, application.ErrNotFound):
		httpx.Fail(w, http.StatusNotFound, "there is no such order")
	case errors.Is(err, application.ErrRefused):
		httpx.Fail(w, http.StatusConflict, err.Error())
	case errors.Is(err, application.ErrKeyReused), errors.Is(err, order.ErrInvalid):
		httpx.Fail(w, http.StatusUnprocessableEntity, err.Error())
	case errors.Is(err, application.ErrBusy), errors.Is(err, application.ErrNoPrices), errors.Is(err, application.ErrConflict),
		r.Context().Err() != nil:
		a.Log.WarnContext(r.Context(), "not now", "path", r.URL.Path, "error", err)
		w.Header().Set("Retry-After", retryAfter)
		httpx.Fail(w, http.StatusServiceUnavailable, "the shop can't do that at the moment")
	default:
		a.Log.ErrorContext(r.Context(), "request failed", "path", r.URL.Path, "error", err)
		httpx.Fail(w, http.StatusInternalServerError, "")
	}
}
