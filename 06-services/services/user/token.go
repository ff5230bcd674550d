package user

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"unicode/utf8"

	"warren.example/06-services/httpx"
)

// maxForm is how many bytes a request for tokens may have.
const maxForm = 8 << 10

// token is the token endpoint of RFC 6749 (OAuth 2.0), section 3.2, for the grants "password" and "refresh_token". The shop's
// own programs are its only clients, so there is nothing to authenticate them with; strangers' programs would need other
// grants. A client reads the error codes of section 5.2, so they are used here in place of a Problem.
func (s *server) token(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store") // section 5.1
	w.Header().Set("Pragma", "no-cache")
	form, reason := readForm(w, r)
	if reason != "" {
		refuse(w, "invalid_request", reason)
		return
	}
	tokens, err := Tokens{}, error(nil)
	switch form["grant_type"] {
	case "password":
		if form["username"] == "" || form["password"] == "" {
			refuse(w, "invalid_request", "username (the e-mail address) and password are needed")
			return
		}
		tokens, err = s.accounts.login(r.Context(), form["username"], form["password"])
	case "refresh_token":
		if form["refresh_token"] == "" {
			refuse(w, "invalid_request", "refresh_token is needed")
			return
		}
		tokens, err = s.accounts.refresh(r.Context(), form["refresh_token"])
	case "":
		refuse(w, "invalid_request", "grant_type is needed")
		return
	default:
		refuse(w, "unsupported_grant_type", "grant_type must be password or refresh_token")
		return
	}
	switch {
	case errors.Is(err, errGrant):
		s.observe("user.login", 1, "outcome", "refused")
		refuse(w, "invalid_grant", errGrant.Error())
	case err != nil:
		if !errors.Is(err, context.Canceled) {
			s.log.Error("request failed", "path", r.URL.Path, "error", err)
		}
		httpx.Fail(w, http.StatusInternalServerError, "")
	default:
		s.observe("user.login", 1, "outcome", "ok")
		httpx.Write(w, http.StatusOK, tokens)
	}
}

// readForm reads the parameters, which come in the body, never in the URL, where logs would keep them. None may come twice
// (section 3.2). reason says what is wrong, if something is.
func readForm(w http.ResponseWriter, r *http.Request) (form map[string]string, reason string) {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		return nil, "the body must be a form (application/x-www-form-urlencoded) of at most 8 kB"
	}
	form = make(map[string]string)
	for name, values := range r.PostForm {
		if len(values) != 1 {
			return nil, "a parameter comes twice"
		}
		if !utf8.ValidString(values[0]) || strings.ContainsRune(values[0], 0) {
			return nil, "a parameter is no text" // RFC 6749, appendix B; and PostgreSQL keeps neither
		}
		form[name] = values[0]
	}
	return form, ""
}

func refuse(w http.ResponseWriter, code, description string) {
	httpx.Write(w, http.StatusBadRequest, struct {
		Error       string `json:"error"`
		Description string `json:"error_description"`
	}{code, description})
}
