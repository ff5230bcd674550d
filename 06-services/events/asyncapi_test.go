package events_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"io/fs"
	"os"
	"path"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"warren.example/06-services/events"
	"warren.example/06-services/events/eventstest"
)

var update = flag.Bool("update", false, "write asyncapi.yaml anew")

// asyncapi.yaml is written from the table: go test ./events -update
func TestAsyncAPI(t *testing.T) {
	var want bytes.Buffer
	want.WriteString("# Written from the table of package events: go test ./events -update\n")
	encoder := yaml.NewEncoder(&want)
	encoder.SetIndent(2)
	require.NoError(t, encoder.Encode(asyncAPI(t)))
	if *update {
		require.NoError(t, os.WriteFile("asyncapi.yaml", want.Bytes(), 0o644))
		return
	}
	got, err := fs.ReadFile(events.Documents, "asyncapi.yaml")
	require.NoError(t, err)
	require.Equal(t, want.String(), string(got), "asyncapi.yaml is not what the table says: go test ./events -update")
}

func TestReferencesOfAsyncAPILeadSomewhere(t *testing.T) {
	file, err := fs.ReadFile(events.Documents, "asyncapi.yaml")
	require.NoError(t, err)
	var root map[string]any
	require.NoError(t, yaml.Unmarshal(file, &root))
	followed := 0
	var follow func(v any)
	follow = func(v any) {
		switch v := v.(type) {
		case []any:
			for _, part := range v {
				follow(part)
			}
		case map[string]any:
			for _, part := range v {
				follow(part)
			}
			to, ok := v["$ref"].(string)
			if !ok {
				return
			}
			followed++
			inside, ok := strings.CutPrefix(to, "#/")
			if !ok {
				_, err := fs.Stat(events.Documents, path.Clean(to))
				require.NoError(t, err)
				return
			}
			var at any = root
			for key := range strings.SplitSeq(inside, "/") {
				require.Contains(t, at, key, to)
				at = at.(map[string]any)[key]
			}
		}
	}
	follow(root)
	require.Greater(t, followed, 4*len(events.All()))
}

// An object of YAML, whose keys come out sorted.
type object map[string]any

// The document, by AsyncAPI 3.0 and its AMQP bindings 0.3.0: a channel for each routing key, and for each queue of commands.
func asyncAPI(t *testing.T) object {
	channels, operations, messages := object{}, object{}, object{}
	for _, d := range events.All() {
		kind := map[bool]string{true: "direct", false: "topic"}[d.Command()]
		channels[d.Name] = object{
			"address":  d.Key(),
			"messages": object{d.Name: ref("#/components/messages/" + d.Name)},
			"bindings": object{"amqp": object{
				"is":             "routingKey",
				"exchange":       object{"name": d.Exchange(), "type": kind, "durable": true, "autoDelete": false},
				"bindingVersion": "0.3.0",
			}},
		}
		operations[d.From+".sends."+d.Name] = object{
			"action":   "send",
			"channel":  ref("#/channels/" + d.Name),
			"tags":     []object{{"name": d.From}},
			"bindings": object{"amqp": object{"deliveryMode": 2, "mandatory": true, "timestamp": true, "bindingVersion": "0.3.0"}},
		}
		if d.Command() {
			obeys(channels, operations, d)
		}
		messages[d.Name] = object{
			"name":          d.Name,
			"summary":       d.About,
			"contentType":   "application/json",
			"headers":       ref("#/components/schemas/envelope"),
			"payload":       ref("./schemas/" + d.Key() + ".json"),
			"correlationId": object{"location": "$message.header#/correlation-id", "description": "the order, user, product or parcel"},
			"examples":      examples(t, d),
			"bindings":      object{"amqp": object{"messageType": d.Name, "bindingVersion": "0.3.0"}},
		}
	}
	return object{
		"asyncapi":           "3.0.0",
		"info":               object{"title": "The shop's messages", "version": "1.0.0", "description": about},
		"defaultContentType": "application/json",
		"channels":           channels,
		"operations":         operations,
		"components":         object{"messages": messages, "schemas": object{"envelope": envelope}},
	}
}

const about = `Commands go through shop.commands, a direct exchange, each to the one queue of the service that obeys it.
Events go through shop.events, a topic exchange, to whoever has bound a queue.
Routing key is the message's name with the version of its schema. An unknown field is no error, an unknown type is.
message-id is given once and kept by every re-send: receivers tell by it what they have had.
`

// obeys adds the queue of a command, and that its service receives the command there.
func obeys(channels, operations object, d events.Description) {
	queue, ok := channels[d.Queue].(object)
	if !ok {
		queue = object{
			"address":  d.Queue,
			"messages": object{},
			"bindings": object{"amqp": object{
				"is":             "queue",
				"queue":          object{"name": d.Queue, "durable": true, "exclusive": false, "autoDelete": false},
				"bindingVersion": "0.3.0",
			}},
		}
		channels[d.Queue] = queue
	}
	queue["messages"].(object)[d.Name] = ref("#/components/messages/" + d.Name)
	operations[d.Queue+".obeys."+d.Name] = object{
		"action":   "receive",
		"channel":  ref("#/channels/" + d.Queue),
		"messages": []object{ref("#/channels/" + d.Queue + "/messages/" + d.Name)},
		"bindings": object{"amqp": object{"ack": true, "bindingVersion": "0.3.0"}},
	}
}

func ref(to string) object { return object{"$ref": to} }

func examples(t *testing.T, d events.Description) []object {
	var all []object
	for _, s := range eventstest.Samples(t, d.Name) {
		var payload any
		require.NoError(t, json.Unmarshal(s.Message.Body, &payload))
		e := object{"payload": payload}
		if s.Case != "" {
			e["name"] = s.Case
		}
		all = append(all, e)
	}
	return all
}

var envelope = object{
	"type":        "object",
	"description": "AMQP properties, and headers. See Message in package events.",
	"required":    []string{"message-id", "type", "app-id", "timestamp", "schema-version"},
	"properties": object{
		"message-id":        object{"type": "string", "format": "uuid", "description": "property: UUIDv7, kept by every re-send"},
		"type":              object{"type": "string", "description": "property: the message's name"},
		"app-id":            object{"type": "string", "description": "property: the service that sent it"},
		"timestamp":         object{"type": "integer", "description": "property: when it was sent, in seconds since 1970"},
		"correlation-id":    object{"type": "string", "description": "property: what it is all about"},
		"schema-version":    object{"type": "integer", "description": "header: of the payload"},
		"sent-at":           object{"type": "integer", "description": "header: when it was sent, in milliseconds since 1970"},
		"causation-id":      object{"type": "string", "description": "header: the message-id of what led to it"},
		"aggregate-version": object{"type": "integer", "description": "header: of what changed; the highest is the newest"},
		"not-after":         object{"type": "integer", "description": "header, of commands: in milliseconds; later it is refused"},
		"attempt":           object{"type": "integer", "description": "header: how often its handler has failed"},
		"traceparent":       object{"type": "string", "description": "header: W3C Trace Context"},
	},
}
