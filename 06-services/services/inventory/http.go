package inventory

import (
	"context"
	"net/http"

	"github.com/gorilla/mux"

	"warren.example/06-services/events"
	"warren.example/06-services/httpx"
	"warren.example/06-services/outbox"
	"warren.example/06-services/service"
)

// routes has what administrators may do: PUT /stock/{sku} {"available": 10} sets how many of a product can be ordered, known or
// new, and answers with its level. What is reserved stays so.
func routes(env *service.Env) http.Handler {
	r := httpx.NewRouter()
	r.Handle("/stock/{sku}", env.Verifier.RequireAdmin(putStock(env))).Methods(http.MethodPut)
	return r
}

func putStock(env *service.Env) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var body struct {
			Available *int `json:"available" validate:"required,gte=0,lte=1000000000"`
		}
		sku := mux.Vars(r)["sku"]
		if checkKey("sku", sku) != nil {
			httpx.Fail(w, http.StatusBadRequest, "this can't be the SKU of anything")
			return
		}
		if !httpx.Read(w, r, &body) {
			return
		}
		var after Level
		err := env.Box.Do(r.Context(), func(ctx context.Context, tx *outbox.Tx) (err error) {
			if after, err = put(ctx, tx, sku, *body.Available); err != nil {
				return err
			}
			return tx.Send(ctx, events.StockLevel{SKU: sku, Available: after.Available},
				events.About{Correlation: sku, Version: after.Version, Now: env.Now()})
		})
		if err != nil {
			env.Log.ErrorContext(r.Context(), "set the stock", "sku", sku, "error", err)
			httpx.Fail(w, http.StatusInternalServerError, "")
			return
		}
		httpx.Write(w, http.StatusOK, after)
	})
}
