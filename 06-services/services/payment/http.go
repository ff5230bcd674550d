package payment

import (
	"net/http"

	"github.com/gorilla/mux"

	"warren.example/06-services/httpx"
	"warren.example/06-services/service"
)

// routes has what administrators may ask: GET /payments/{order}, the payment for an order with its refunds.
func routes(env *service.Env) http.Handler {
	r := httpx.NewRouter()
	r.Handle("/payments/{order}", env.Verifier.RequireAdmin(getPayment(env))).Methods(http.MethodGet)
	return r
}

func getPayment(env *service.Env) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		order := mux.Vars(r)["order"]
		if checkKey("order", order) != nil {
			httpx.Fail(w, http.StatusNotFound, "there is no payment for this order")
			return
		}
		p, refunds, ok, err := show(r.Context(), env.DB, order)
		switch {
		case err != nil:
			env.Log.ErrorContext(r.Context(), "show a payment", "order", order, "error", err)
			httpx.Fail(w, http.StatusInternalServerError, "")
		case !ok:
			httpx.Fail(w, http.StatusNotFound, "there is no payment for this order")
		default:
			httpx.Write(w, http.StatusOK, struct {
				Payment
				Refunds []Refund `json:"refunds"`
			}{p, refunds})
		}
	})
}
