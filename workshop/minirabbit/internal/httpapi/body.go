package httpapi

import (
	"bytes"
	"encoding/json"
	"io"
)

// maxBody is the size of a request's body in bytes that is still read. What is put here is small.
const maxBody = 1 << 20

// read decodes the body of a request. None at all is an empty object.
func (r request) read(into any) error {
	raw, err := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	if err != nil {
		return badRequest("not_json")
	}
	if len(raw) > maxBody {
		return badRequest("Exceeded HTTP request body size limit")
	}
	if len(bytes.TrimSpace(raw)) == 0 {
		return nil
	}
	if json.Unmarshal(raw, into) != nil {
		return badRequest("not_json")
	}
	return nil
}
