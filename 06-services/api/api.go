// Package api has the descriptions of what services answer: OpenAPI for customers, protocol buffers for each other.
package api

import _ "embed"

// OpenAPI describes what customers can ask the gateway.
//
//go:embed openapi.yaml
var OpenAPI []byte
