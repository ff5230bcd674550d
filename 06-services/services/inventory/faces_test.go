package inventory_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"warren.example/06-services/api/inventorypb"
	"warren.example/06-services/auth"
	"warren.example/06-services/events"
)

func (s *shop) put(t *testing.T, who *auth.Customer, path, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPut, path, strings.NewReader(body))
	if who != nil {
		token, err := auth.Signer{Key: s.key, Now: s.now}.Sign(*who)
		require.NoError(t, err)
		r.Header.Set("Authorization", "Bearer "+token)
	}
	w := httptest.NewRecorder()
	s.HTTP.ServeHTTP(w, r)
	return w
}

func TestAdministratorsSetTheStock(t *testing.T) {
	each(t, func(t *testing.T, s *shop) {
		admin := &auth.Customer{ID: "root", Admin: true}
		w := s.put(t, admin, "/stock/cup", `{"available":5}`)
		require.Equal(t, http.StatusOK, w.Code, w.Body)
		require.JSONEq(t, `{"sku":"cup","available":5,"reserved":0,"version":1}`, w.Body.String())
		level := <-s.sent
		require.Equal(t, events.StockLevel{SKU: "cup", Available: 5}, decode[events.StockLevel](t, level))
		require.Equal(t, int64(1), level.Version)
		require.Equal(t, "cup", level.Correlation)

		s.ask(t, events.StockReserve{Order: "o", Lines: lines("cup", 2)})
		s.ask(t, events.StockReserve{Order: "p", Lines: lines("cup", 1)})
		s.ask(t, events.StockCommit{Order: "p"})
		w = s.put(t, admin, "/stock/cup", `{"available":0}`)
		require.JSONEq(t, `{"sku":"cup","available":0,"reserved":2,"version":4}`, w.Body.String())
		require.Equal(t, counts{reserved: 2, sold: 1}, s.counts(t, "cup"))
		var supplied int
		require.NoError(t, s.db.QueryRow("SELECT supplied FROM stock WHERE sku = 'cup'").Scan(&supplied))
		require.Equal(t, 3, supplied)
	})
}

func TestWhoMaySetTheStockAndHow(t *testing.T) {
	each(t, func(t *testing.T, s *shop) {
		admin := &auth.Customer{ID: "root", Admin: true}
		require.Equal(t, http.StatusUnauthorized, s.put(t, nil, "/stock/cup", `{"available":5}`).Code)
		require.Equal(t, http.StatusForbidden, s.put(t, &auth.Customer{ID: "c"}, "/stock/cup", `{"available":5}`).Code)
		require.Equal(t, http.StatusUnprocessableEntity, s.put(t, admin, "/stock/cup", `{"available":-1}`).Code)
		require.Equal(t, http.StatusUnprocessableEntity, s.put(t, admin, "/stock/cup", `{}`).Code)
		require.Equal(t, http.StatusBadRequest, s.put(t, admin, "/stock/cup", `{"available":"many"}`).Code)
		require.Equal(t, http.StatusBadRequest, s.put(t, admin, "/stock/c%00p", `{"available":1}`).Code)
		require.Equal(t, http.StatusNotFound, s.put(t, admin, "/stock/", `{"available":1}`).Code)
	})
}

// A registrar keeps the server that is registered with it.
type registrar struct{ inventorypb.InventoryServer }

func (r *registrar) RegisterService(_ *grpc.ServiceDesc, server any) {
	r.InventoryServer, _ = server.(inventorypb.InventoryServer)
}

func TestGetStock(t *testing.T) {
	each(t, func(t *testing.T, s *shop) {
		var r registrar
		s.GRPC(&r)
		s.supply(t, "cup", 5)
		s.supply(t, "tea", 3)
		s.ask(t, events.StockReserve{Order: "o", Lines: lines("cup", 2)})
		got, err := r.GetStock(t.Context(), &inventorypb.GetStockRequest{Skus: []string{"tea", "cup", "unknown"}})
		require.NoError(t, err)
		require.Len(t, got.GetLevels(), 2)
		require.Equal(t, []any{"cup", int64(3), int64(2)},
			[]any{got.GetLevels()[0].GetSku(), got.GetLevels()[0].GetAvailable(), got.GetLevels()[0].GetReserved()})

		none, err := r.GetStock(t.Context(), &inventorypb.GetStockRequest{})
		require.NoError(t, err)
		require.Empty(t, none.GetLevels())
		_, err = r.GetStock(t.Context(), &inventorypb.GetStockRequest{Skus: make([]string, 101)})
		require.Equal(t, codes.InvalidArgument, status.Code(err))
	})
}
