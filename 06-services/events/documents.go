package events

import "embed"

// Documents are what tells others about the messages, whatever language they write:
//   - asyncapi.yaml: all messages, where they go and who sends them (AsyncAPI 3.0), written from the table;
//   - schemas/<name>.v1.json: what the body of a message must have (JSON Schema 2020-12);
//   - testdata/<name>.v1.json, and <name>.v1.<case>.json: samples of bodies. Senders write such, and receivers are tested with
//     them (package eventstest).
//
//go:embed asyncapi.yaml schemas/*.json testdata/*.json
var Documents embed.FS
