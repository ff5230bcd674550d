package shipping

import (
	"net/http"

	"github.com/gorilla/mux"

	"warren.example/06-services/httpx"
)

// routes has the tracking page. It asks nobody who they are: it is for the gateway, which asks order first whose order it is.
func (s *shipping) routes() http.Handler {
	r := httpx.NewRouter()
	r.HandleFunc("/parcels/{order}", s.getParcel).Methods(http.MethodGet)
	return r
}

func (s *shipping) getParcel(w http.ResponseWriter, r *http.Request) {
	p, ok, err := find(r.Context(), s.db, mux.Vars(r)["order"])
	switch {
	case err != nil:
		s.log.ErrorContext(r.Context(), "parcel not read", "order", mux.Vars(r)["order"], "error", err)
		httpx.Fail(w, http.StatusInternalServerError, "")
	case !ok:
		httpx.Fail(w, http.StatusNotFound, "there is no such parcel")
	default:
		httpx.Write(w, http.StatusOK, p)
	}
}
