package httpapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
)

// A refusal is an answer that is none, in RabbitMQ's form: {"error": …, "reason": …}.
type refusal struct {
	status int
	Code   string `json:"error"`
	Reason string `json:"reason"`
}

// Error says the reason.
func (r *refusal) Error() string { return r.Reason }

// errNotFound is RabbitMQ's answer for what is not there.
var errNotFound = &refusal{http.StatusNotFound, "Object Not Found", "Not Found"}

// errNoCredentials asks for user and password. RabbitMQ says nothing beside the header.
var errNoCredentials = &refusal{status: http.StatusUnauthorized}

func badRequest(reason string) error {
	return &refusal{http.StatusBadRequest, "bad_request", reason}
}

func notAuthorised(reason string) error {
	return &refusal{http.StatusUnauthorized, "not_authorised", reason}
}

// missing says that RabbitMQ could do it.
func missing(what string) error {
	return &refusal{http.StatusNotImplemented, "not_implemented",
		"minirabbit, which stands in for RabbitMQ here, does not have " + what + "; a real RabbitMQ does"}
}

func refuse(w http.ResponseWriter, err error) {
	r := &refusal{http.StatusInternalServerError, "internal_error", err.Error()}
	errors.As(err, &r)
	if r.Code == "" || r.Code == wrongPassword {
		w.Header().Set("WWW-Authenticate", `Basic realm="RabbitMQ Management"`)
	}
	if r.Code == "" {
		w.WriteHeader(r.status)
		return
	}
	answer(w, r.status, r)
}

// answer sends JSON. A client that is gone is nobody's loss.
func answer(w http.ResponseWriter, status int, what any) {
	var raw bytes.Buffer
	encoder := json.NewEncoder(&raw)
	encoder.SetEscapeHTML(false) // "->" is in every connection's name
	if err := encoder.Encode(what); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(bytes.TrimSuffix(raw.Bytes(), []byte("\n")))
}
