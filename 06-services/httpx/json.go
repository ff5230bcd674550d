package httpx

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"reflect"
	"strings"

	"github.com/go-playground/validator/v10"
)

// MaxBody is how many bytes a request's body may have.
const MaxBody = 64 << 10

// Write answers with v as JSON.
func Write(w http.ResponseWriter, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		Fail(w, http.StatusInternalServerError, "")
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(body) // who asked has gone if this fails
}

// Read reads a JSON body into v and checks it by its `validate` tags. If it returns false it has answered: 413 for a body over
// MaxBody, 400 for one that is no JSON of this shape, 422 for values that won't do, with the fields named. Unknown fields are
// refused, and U+0000 in strings is: PostgreSQL can't keep it.
func Read(w http.ResponseWriter, r *http.Request, v any) bool {
	body, ok := Body(w, r)
	if !ok {
		return false
	}
	if err := decode(body, v); err != nil {
		Fail(w, http.StatusBadRequest, "the body is not the JSON that is expected: "+err.Error())
		return false
	}
	var invalid validator.ValidationErrors
	if errors.As(validate.Struct(v), &invalid) {
		fields := make(map[string]string, len(invalid))
		for _, f := range invalid {
			_, path, _ := strings.Cut(f.Namespace(), ".")
			fields[path] = strings.TrimSpace("must be " + f.Tag() + " " + f.Param())
		}
		FailWith(w, Problem{Status: http.StatusUnprocessableEntity, Detail: "some values won't do", Fields: fields})
		return false
	}
	return true
}

// Body reads a body. If ok is false it has answered: 413 for one over MaxBody, 400 for one that breaks off.
func Body(w http.ResponseWriter, r *http.Request) (body []byte, ok bool) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, MaxBody))
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		Fail(w, http.StatusRequestEntityTooLarge, "the body is larger than 64 kB")
	case err != nil:
		Fail(w, http.StatusBadRequest, "the body can't be read to its end")
	default:
		return body, true
	}
	return nil, false
}

func decode(body []byte, v any) error {
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(v); err != nil {
		return err
	}
	if decoder.Decode(&struct{}{}) != io.EOF {
		return errors.New("more than one JSON value")
	}
	escaped := bytes.ReplaceAll(body, []byte(`\\`), nil) // an escaped backslash escapes nothing
	if bytes.Contains(escaped, []byte(`\u0000`)) {
		return errors.New("a string has the character U+0000")
	}
	return nil
}

var validate = func() *validator.Validate {
	v := validator.New(validator.WithRequiredStructEnabled())
	v.RegisterTagNameFunc(func(f reflect.StructField) string {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		return name
	})
	return v
}()
