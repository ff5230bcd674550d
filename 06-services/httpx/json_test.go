package httpx

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

type form struct {
	Name  string `json:"name" validate:"required,max=5"`
	Lines []struct {
		Quantity int `json:"quantity" validate:"min=1"`
	} `json:"lines" validate:"dive"`
}

func TestRead(t *testing.T) {
	for name, c := range map[string]struct {
		body   string
		status int // 0: read
		fields map[string]string
	}{
		"fine":               {`{"name":"Ann"}`, 0, nil},
		"space around":       {" {\"name\":\"Ann\"}\n", 0, nil},
		"an escaped slash":   {`{"name":"\\u0000"}`, 422, map[string]string{"name": "must be max 5"}},
		"nothing":            {``, 400, nil},
		"no JSON":            {`{`, 400, nil},
		"two values":         {`{"name":"Ann"}{}`, 400, nil},
		"text after it":      {`{"name":"Ann"} x`, 400, nil},
		"an unknown field":   {`{"name":"Ann","admin":true}`, 400, nil},
		"another type":       {`{"name":7}`, 400, nil},
		"a NUL":              {`{"name":"a\u0000"}`, 400, nil},
		"a NUL after slash":  {`{"name":"\\\u0000"}`, 400, nil},
		"too deep":           {strings.Repeat("[", 20_000), 400, nil},
		"too long":           {`{"name":"` + strings.Repeat("x", MaxBody) + `"}`, 413, nil},
		"a value that's out": {`{"name":"Annabel"}`, 422, map[string]string{"name": "must be max 5"}},
		"one in a list": {`{"name":"Ann","lines":[{"quantity":1},{"quantity":0}]}`, 422,
			map[string]string{"lines[1].quantity": "must be min 1"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := httptest.NewRecorder()
			var f form
			ok := Read(w, httptest.NewRequest("POST", "/", strings.NewReader(c.body)), &f)
			require.Equal(t, c.status == 0, ok, w.Body)
			if ok {
				require.Equal(t, "Ann", f.Name)
				require.Empty(t, w.Body)
				return
			}
			p := problemOf(t, w)
			require.Equal(t, c.status, p.Status)
			require.Equal(t, c.fields, p.Fields)
		})
	}
}

func TestWrite(t *testing.T) {
	w := httptest.NewRecorder()
	Write(w, http.StatusCreated, map[string]int{"a": 1})
	require.Equal(t, http.StatusCreated, w.Code)
	require.Equal(t, "application/json", w.Header().Get("Content-Type"))
	require.Equal(t, `{"a":1}`, w.Body.String())

	w = httptest.NewRecorder()
	Write(w, http.StatusOK, func() {})
	require.Equal(t, http.StatusInternalServerError, problemOf(t, w).Status)
}

func problemOf(t testing.TB, w *httptest.ResponseRecorder) (p Problem) {
	t.Helper()
	require.Equal(t, "application/problem+json", w.Header().Get("Content-Type"))
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &p))
	require.Equal(t, w.Code, p.Status)
	require.Equal(t, http.StatusText(w.Code), p.Title)
	return p
}
