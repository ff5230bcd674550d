package user_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"warren.example/06-services/service/servicetest"
	"warren.example/06-services/services/user"
	"warren.example/06-services/store"
	"warren.example/06-services/store/storetest"
)

// sqlite is a storetest.Open.
func sqlite(t testing.TB, sets ...store.Migrations) *store.DB {
	db, err := store.Open(t.Context(), storetest.SQLite(t), nil, sets...)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	return db
}

// FuzzToken: whatever comes is answered, and nothing of it is the service's fault.
func FuzzToken(f *testing.F) {
	f.Add("grant_type=password&username=ada@shop.example&password=difference+engine")
	f.Add("grant_type=refresh_token&refresh_token=a.b")
	f.Add("grant_type=password&username=%00&password=%ff")
	s := servicetest.New(f, user.Definition, sqlite, settings())
	f.Fuzz(func(t *testing.T, body string) {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/token", strings.NewReader(body))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		w := httptest.NewRecorder()
		s.HTTP.ServeHTTP(w, r)
		require.Equal(t, http.StatusBadRequest, w.Code)
		var problem struct{ Error string }
		require.NoError(t, json.Unmarshal(w.Body.Bytes(), &problem))
		require.Contains(t, []string{"invalid_request", "invalid_grant", "unsupported_grant_type"}, problem.Error)
	})
}

// FuzzRegister: so is this.
func FuzzRegister(f *testing.F) {
	f.Add(ada)
	f.Add(`{"name":"\u0000","email":"a@shop.example","password":"12345678"}`)
	f.Add(`{"name":"\ud800","email":"ü@shop.example","password":"12345678","interests":["\ud800"]}`)
	f.Add(strings.Repeat("[", 20000))
	s := servicetest.New(f, user.Definition, sqlite, settings())
	f.Fuzz(func(t *testing.T, body string) {
		var answer struct{ ID string }
		switch status := s.Ask(t, http.MethodPost, "/users", "", body, &answer); status {
		case http.StatusCreated:
			require.NotEmpty(t, answer.ID)
		case http.StatusBadRequest, http.StatusConflict, http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity:
		default:
			require.Fail(t, "unexpected status", "%d for %q", status, body)
		}
	})
}
