// Package httpapi is RabbitMQ's management HTTP API (rabbitmq.com/docs/http-api-reference) as far as the workshop and a view
// of the topology need it, and that view: a page at "/" that shows exchanges, bindings, queues, consumers and connections
// live.
//
//	GET /                     the page: one HTML file, its style and scripts, nothing from elsewhere
//	GET /live/{vhost}         what the page shows of a virtual host, in one piece
//	    /api/…                RabbitMQ's API: its paths, its field names, its refusals
//
// Three things differ from RabbitMQ's, all on purpose:
//   - Counts are exact and of this moment. RabbitMQ's are up to five seconds old. Rates are missing.
//   - What RabbitMQ has and this has not answers 501 with a text that says so, never 404. See resources.go for the list.
//   - A virtual host has neither description nor tags of its own; they are taken and forgotten.
//
// It holds no state and opens no socket: give the Handler to an http.Server.
package httpapi
