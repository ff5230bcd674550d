package user

import (
	"errors"
	"log/slog"
	"net/http"

	"warren.example/06-services/auth"
	"warren.example/06-services/httpx"
)

// server is what customers ask, through the gateway.
type server struct {
	accounts *accounts
	ring     *keyring
	log      *slog.Logger
	observe  func(name string, value float64, labels ...string)
}

func (s *server) routes(v *auth.Verifier) http.Handler {
	r := httpx.NewRouter()
	r.HandleFunc("/users", s.register).Methods(http.MethodPost)
	r.Handle("/users/me", v.Require(http.HandlerFunc(s.get))).Methods(http.MethodGet)
	r.Handle("/users/me", v.Require(http.HandlerFunc(s.change))).Methods(http.MethodPut)
	r.HandleFunc("/token", s.token).Methods(http.MethodPost)
	r.HandleFunc("/keys", s.keys).Methods(http.MethodGet)
	return r
}

func (s *server) register(w http.ResponseWriter, r *http.Request) {
	var body Registration
	if !httpx.Read(w, r, &body) {
		return
	}
	u, err := s.accounts.register(r.Context(), body)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	w.Header().Set("Location", "/users/me")
	httpx.Write(w, http.StatusCreated, struct {
		ID string `json:"id"`
	}{u.ID})
}

func (s *server) get(w http.ResponseWriter, r *http.Request) {
	c, _ := auth.From(r.Context())
	u, err := s.accounts.profile(r.Context(), c.ID)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	httpx.Write(w, http.StatusOK, u)
}

// change replaces the whole profile, as PUT does. A shop with real money asks for the password before it changes an address,
// and writes to both.
func (s *server) change(w http.ResponseWriter, r *http.Request) {
	var body Profile
	if !httpx.Read(w, r, &body) {
		return
	}
	c, _ := auth.From(r.Context())
	u, err := s.accounts.change(r.Context(), c.ID, body)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	httpx.Write(w, http.StatusOK, u)
}

// keys answers with the public keys that check tokens.
func (s *server) keys(w http.ResponseWriter, r *http.Request) {
	keys, err := s.ring.public(r.Context())
	if err != nil {
		s.fail(w, r, err)
		return
	}
	httpx.Write(w, http.StatusOK, keys)
}

// fail answers what went wrong. What isn't the caller's fault is logged, and not told.
func (s *server) fail(w http.ResponseWriter, r *http.Request, err error) {
	switch {
	case errors.Is(err, errTaken):
		httpx.Fail(w, http.StatusConflict, "somebody has this address already")
	case errors.Is(err, errUnknown):
		httpx.Fail(w, http.StatusNotFound, "no such user")
	case errors.Is(err, errPasswordTooLong):
		httpx.FailWith(w, httpx.Problem{Status: http.StatusUnprocessableEntity, Detail: "some values won't do",
			Fields: map[string]string{"password": "must be max 72 bytes"}})
	default:
		s.log.Error("request failed", "path", r.URL.Path, "error", err)
		httpx.Fail(w, http.StatusInternalServerError, "")
	}
}
