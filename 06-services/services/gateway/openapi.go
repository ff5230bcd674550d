package gateway

import (
	"net/http"

	"warren.example/06-services/api"
)

// openAPI answers with the description of the gateway.
func openAPI(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/yaml") // RFC 9512
	_, _ = w.Write(api.OpenAPI)                        // who asked has gone if this fails
}
