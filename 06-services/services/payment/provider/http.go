package provider

import (
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"github.com/gorilla/mux"

	"warren.example/06-services/failpoint"
	"warren.example/06-services/httpx"
	"warren.example/06-services/money"
	"warren.example/06-services/store"
)

// KeyHeader names a request: the same key is the same charge or refund, however often it comes
// (draft-ietf-httpapi-idempotency-key-header).
const KeyHeader = "Idempotency-Key"

type server struct {
	memory  memory
	log     *slog.Logger
	silence time.Duration
}

// New returns the provider. silence is how long it holds a charge that it never answers, if the client doesn't leave before.
//
//	POST /charges               {"amount": {"minor": 1999, "currency": "EUR"}}, Idempotency-Key → 200 and the Charge
//	GET  /charges/{key}         200 and the Charge, or 404
//	POST /charges/{key}/void    200 and the Charge: voided, unless it was captured or declined before
//	POST /charges/{key}/refunds as POST /charges → 200 and the Refund; 409 if that much wasn't captured
//	GET  /charges?after=&limit= 200 and {"charges": […], "next": "…"}, in the order of the keys; no next: that was all
//
// A key that was used for another amount is answered by 422.
func New(db *store.DB, log *slog.Logger, silence time.Duration) http.Handler {
	s := &server{memory: memory{db: db}, log: log, silence: silence}
	r := httpx.NewRouter()
	r.HandleFunc("/charges", s.charge).Methods(http.MethodPost)
	r.HandleFunc("/charges", s.list).Methods(http.MethodGet)
	r.HandleFunc("/charges/{key}", s.lookup).Methods(http.MethodGet)
	r.HandleFunc("/charges/{key}/void", s.void).Methods(http.MethodPost)
	r.HandleFunc("/charges/{key}/refunds", s.refund).Methods(http.MethodPost)
	return r
}

func (s *server) charge(w http.ResponseWriter, r *http.Request) {
	key, amount, ok := read(w, r)
	if !ok {
		return
	}
	if endingOf(amount.Minor) == neverTells {
		_, known, err := s.memory.lookup(r.Context(), key)
		if err != nil {
			s.fail(w, r, err)
			return
		}
		if !known {
			s.keepSilent(r)
		}
	}
	c, first, err := s.memory.settle(r.Context(), key, charged(amount.Minor), amount)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	failpoint.Reach("provider.charged")
	if first && endingOf(amount.Minor) == losesAnswer {
		panic(http.ErrAbortHandler) // net/http closes the connection and says nothing
	}
	httpx.Write(w, http.StatusOK, c)
}

// keepSilent says nothing until the client leaves, or for as long as the provider is silent, and ends the connection then.
func (s *server) keepSilent(r *http.Request) {
	timer := time.NewTimer(s.silence)
	defer timer.Stop()
	select {
	case <-r.Context().Done():
	case <-timer.C:
	}
	panic(http.ErrAbortHandler)
}

func (s *server) lookup(w http.ResponseWriter, r *http.Request) {
	c, ok, err := s.memory.lookup(r.Context(), mux.Vars(r)["key"])
	switch {
	case err != nil:
		s.fail(w, r, err)
	case !ok:
		httpx.Fail(w, http.StatusNotFound, "nobody has asked for this charge")
	default:
		httpx.Write(w, http.StatusOK, c)
	}
}

func (s *server) void(w http.ResponseWriter, r *http.Request) {
	c, _, err := s.memory.settle(r.Context(), mux.Vars(r)["key"], Voided, money.Money{})
	if err != nil {
		s.fail(w, r, err)
		return
	}
	failpoint.Reach("provider.voided")
	httpx.Write(w, http.StatusOK, c)
}

func (s *server) refund(w http.ResponseWriter, r *http.Request) {
	key, amount, ok := read(w, r)
	if !ok {
		return
	}
	refund, err := s.memory.refund(r.Context(), mux.Vars(r)["key"], key, amount)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	failpoint.Reach("provider.refunded")
	httpx.Write(w, http.StatusOK, refund)
}

func (s *server) list(w http.ResponseWriter, r *http.Request) {
	const most = 1000
	limit := 100
	if text := r.URL.Query().Get("limit"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > most {
			httpx.Fail(w, http.StatusBadRequest, "limit is a number from 1 to "+strconv.Itoa(most))
			return
		}
		limit = n
	}
	charges, err := s.memory.list(r.Context(), r.URL.Query().Get("after"), limit)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	answer := struct {
		Charges []Charge `json:"charges"`
		Next    string   `json:"next,omitempty"`
	}{Charges: charges}
	if len(charges) == limit {
		answer.Next = charges[limit-1].Key
	}
	httpx.Write(w, http.StatusOK, answer)
}

// read reads the key and the amount of a request. If ok is false it has answered.
func read(w http.ResponseWriter, r *http.Request) (key string, amount money.Money, ok bool) {
	key = r.Header.Get(KeyHeader)
	if key == "" || len(key) > 200 {
		httpx.Fail(w, http.StatusBadRequest, "the header "+KeyHeader+" has 1 to 200 characters")
		return "", money.Money{}, false
	}
	var body struct {
		Amount struct {
			Minor    int64  `json:"minor" validate:"gte=0"`
			Currency string `json:"currency" validate:"len=3,alpha,uppercase"`
		} `json:"amount"`
	}
	if !httpx.Read(w, r, &body) {
		return "", money.Money{}, false
	}
	return key, money.Of(body.Amount.Minor, body.Amount.Currency), true
}

func (s *server) fail(w http.ResponseWriter, r *http.Request, err error) {
	switch {
	case errors.Is(err, errOtherAmount):
		httpx.Fail(w, http.StatusUnprocessableEntity, err.Error())
	case errors.Is(err, errNotCaptured), errors.Is(err, errTooMuch):
		httpx.Fail(w, http.StatusConflict, err.Error())
	default:
		s.log.ErrorContext(r.Context(), "provider", "error", err)
		httpx.Fail(w, http.StatusInternalServerError, "")
	}
}
