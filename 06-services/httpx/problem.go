// Package httpx has what the HTTP handlers of all services do alike: reading JSON, writing it, and saying what went wrong
// (RFC 9457, application/problem+json).
package httpx

import (
	"encoding/json"
	"net/http"
)

// A Problem says what went wrong, to a program by Type and Status and to a human by Title and Detail (RFC 9457, section 3.1).
// It tells nothing of what lies behind the service: no address, no text of a database.
type Problem struct {
	Type   string            `json:"type,omitempty"` // "about:blank" if empty
	Title  string            `json:"title"`
	Status int               `json:"status"`
	Detail string            `json:"detail,omitempty"`
	Fields map[string]string `json:"fields,omitempty"` // what is wrong with which field of the request
}

// Fail answers with a Problem. Title is the status' text.
func Fail(w http.ResponseWriter, status int, detail string) {
	FailWith(w, Problem{Status: status, Detail: detail})
}

// FailWith answers with p. An empty Title becomes the status' text.
func FailWith(w http.ResponseWriter, p Problem) {
	if p.Title == "" {
		p.Title = http.StatusText(p.Status)
	}
	body, err := json.Marshal(p)
	if err != nil {
		body = []byte(`{"title":"Internal Server Error","status":500}`)
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(p.Status)
	_, _ = w.Write(body) // who asked has gone if this fails
}
