package events_test

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"path"
	"reflect"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"

	"warren.example/06-services/events"
	"warren.example/06-services/events/eventstest"
)

// The table, the Go types, the schemas and the samples say the same.

func TestSamplesKeepTheirSchemaAndSurviveTheirGoType(t *testing.T) {
	schemas := compile(t)
	for _, s := range eventstest.Samples(t) {
		t.Run(title(s), func(t *testing.T) {
			require.NoError(t, schemas[s.Message.Type].Validate(value(t, s.Message.Body)))

			payload, err := decode(s.Message)
			require.NoError(t, err)
			again, err := json.Marshal(payload)
			require.NoError(t, err)
			require.JSONEq(t, string(s.Message.Body), string(again))
		})
	}
}

func TestMainSampleLeavesNothingOut(t *testing.T) {
	for _, d := range events.All() {
		if s := eventstest.Samples(t, d.Name)[0]; d.Name != "product.price-changed" { // it is deleted, or has a price
			require.ElementsMatch(t, fields(reflect.TypeOf(d.Payload)), keys(value(t, s.Message.Body)), title(s))
		}
	}
}

func TestSchemasHaveTheFieldsOfTheGoTypes(t *testing.T) {
	for _, d := range events.All() {
		file := path.Join("schemas", d.Key()+".json")
		require.ElementsMatch(t, fields(reflect.TypeOf(d.Payload)), keys(schema(t, file)["properties"]), file)
		require.Equal(t, d.About, schema(t, file)["title"], file)
		require.NotContains(t, schema(t, file), "additionalProperties", "%s: a reader is tolerant", file)
	}
}

func TestNoFileIsLeftOver(t *testing.T) {
	known := map[string]bool{"money": true, "line": true, "item": true}
	for _, d := range events.All() {
		known[d.Key()] = true
	}
	for _, folder := range []string{"schemas", "testdata"} {
		files, err := fs.Glob(events.Documents, folder+"/*.json")
		require.NoError(t, err)
		for _, file := range files {
			name := strings.TrimSuffix(path.Base(file), ".json")
			if folder == "testdata" && !known[name] {
				name = strings.TrimSuffix(name, path.Ext(name)) // without its case
			}
			require.True(t, known[name], file)
		}
	}
}

// Every value in every sample is taken away or made worse, one after another. What the schema takes, Decode must take: else the
// message of a sender who keeps the schema is parked. What the schema refuses, Decode must refuse too. But Go can't see
// everything: a number or boolean that isn't there is 0 or false to it.
func TestSchemaAndDecodeRefuseTheSame(t *testing.T) {
	schemas := compile(t)
	for _, s := range eventstest.Samples(t) {
		t.Run(title(s), func(t *testing.T) {
			var spoilt, refused int
			for _, change := range changes(value(t, s.Message.Body)) {
				m := s.Message
				m.Body = change.body
				bySchema := schemas[m.Type].Validate(value(t, m.Body))
				_, byDecode := decode(m)
				if bySchema == nil {
					require.NoError(t, byDecode, string(m.Body))
				} else if !change.unseen {
					require.ErrorIs(t, byDecode, events.ErrMalformed, "the schema says %v of %s", bySchema, m.Body)
				}
				spoilt++
				if byDecode != nil {
					refused++
				}
			}
			require.Positive(t, refused, "of %d spoilt messages", spoilt)
		})
	}
}

func TestDecodeRefusesWhatItDoesNotKnow(t *testing.T) {
	m := eventstest.Message(t, events.StockRelease{Order: "o-1"}, events.About{})
	_, err := events.Decode[events.StockRelease](m)
	require.NoError(t, err)
	_, err = events.Decode[events.StockCommit](m)
	require.ErrorIs(t, err, events.ErrMalformed, "another type")
	newer := m
	newer.Schema = 2
	_, err = events.Decode[events.StockRelease](newer)
	require.ErrorIs(t, err, events.ErrMalformed, "a newer schema")
	m.Body = []byte(`{"order":"o-1","new":[{}]}`)
	_, err = events.Decode[events.StockRelease](m)
	require.NoError(t, err, "a new field")
}

// decode is events.Decode for a message of any type.
func decode(m events.Message) (any, error) {
	return decoders[m.Type](m)
}

func compile(t *testing.T) map[string]*jsonschema.Schema {
	t.Helper()
	c := jsonschema.NewCompiler()
	files, err := fs.Glob(events.Documents, "schemas/*.json")
	require.NoError(t, err)
	for _, file := range files {
		body, err := fs.ReadFile(events.Documents, file)
		require.NoError(t, err)
		require.NoError(t, c.AddResource("shop:///"+file, value(t, body)))
	}
	schemas := map[string]*jsonschema.Schema{}
	for _, d := range events.All() {
		schemas[d.Name], err = c.Compile("shop:///schemas/" + d.Key() + ".json")
		require.NoError(t, err)
	}
	return schemas
}

func schema(t *testing.T, file string) map[string]any {
	t.Helper()
	body, err := fs.ReadFile(events.Documents, file)
	require.NoError(t, err)
	return value(t, body).(map[string]any)
}

func value(t *testing.T, body []byte) any {
	t.Helper()
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
	require.NoError(t, err)
	return v
}

func title(s eventstest.Sample) string { return strings.TrimSpace(s.Message.Type + " " + s.Case) }

// fields returns the JSON names of a struct's fields.
func fields(t reflect.Type) []string {
	var names []string
	for i := range t.NumField() {
		name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		names = append(names, name)
	}
	return names
}

func keys(v any) []string {
	var names []string
	for name := range v.(map[string]any) {
		names = append(names, name)
	}
	return names
}
