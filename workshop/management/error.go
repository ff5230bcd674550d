package management

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
)

// ErrNotFound is what errors.Is finds in an error of a call about a thing that does not exist.
var ErrNotFound = errors.New("not found")

// An Error is an answer of the API that refuses the call.
type Error struct {
	Status int    // HTTP status: 401 wrong user or password, 404 no such thing, 405, 500
	Reason string // what the server says about it; may be empty
}

// Error says status and reason.
func (e *Error) Error() string {
	text := fmt.Sprintf("management API: %d %s", e.Status, http.StatusText(e.Status))
	if e.Reason != "" {
		text += ": " + e.Reason
	}
	return text
}

// Is reports whether target is ErrNotFound and the answer was a 404.
func (e *Error) Is(target error) bool {
	return target == ErrNotFound && e.Status == http.StatusNotFound
}

// newError reads the API's {"error": …, "reason": …}; an answer in another form (a proxy's page) is left out.
func newError(status int, body []byte) *Error {
	var answer struct {
		Error  string `json:"error"`
		Reason any    `json:"reason"`
	}
	if json.Unmarshal(body, &answer) != nil {
		return &Error{Status: status}
	}
	reason, ok := answer.Reason.(string)
	if !ok && answer.Reason != nil {
		reason = strings.TrimSpace(fmt.Sprint(answer.Reason))
	}
	if reason == "" {
		reason = answer.Error
	}
	return &Error{Status: status, Reason: reason}
}
