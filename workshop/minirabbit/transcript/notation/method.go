package notation

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"unicode"

	"warren.example/workshop/wire"
)

// Content is what follows basic.publish, deliver, return and get-ok.
type Content struct {
	Properties wire.Properties
	Body       []byte
	Frames     int // body frames that it came in; 0 when it is to be sent
}

// shortNames are those of wire's own printing, and args.
var shortNames = map[string]string{
	"consumer-tag": "consumer",
	"delivery-tag": "tag",
	"reply-code":   "code",
	"reply-text":   "text",
	"routing-key":  "key",
	"arguments":    "args",
}

// Parse makes a method of its name and its fields, as Words cuts them. Content is nil if the method carries none.
func Parse(words []string) (wire.Method, *Content, error) {
	make := methods[words[0]]
	if make == nil {
		return nil, nil, fmt.Errorf("no method is called %s", words[0])
	}
	method := make()
	var content *Content
	if wire.HasContent(method) {
		content = &Content{}
	}
	for _, word := range words[1:] {
		name, text, _ := strings.Cut(word, "=")
		target := field(reflect.ValueOf(method).Elem(), name)
		if !target.IsValid() && content != nil {
			if name == "body" {
				body, err := ParseBody(text)
				if err != nil {
					return nil, nil, err
				}
				content.Body = body
				continue
			}
			target = field(reflect.ValueOf(&content.Properties).Elem(), name)
		}
		if !target.IsValid() {
			return nil, nil, fmt.Errorf("%s has no field %s", words[0], name)
		}
		if err := set(target, text, strings.Contains(word, "=")); err != nil {
			return nil, nil, fmt.Errorf("%s: field %s: %w", words[0], name, err)
		}
	}
	return method, content, nil
}

// ParseProperties makes properties of words like content-type="text/plain".
func ParseProperties(words []string) (wire.Properties, error) {
	_, content, err := Parse(append([]string{"basic.publish"}, words...))
	if err != nil {
		return wire.Properties{}, err
	}
	return content.Properties, nil
}

// ParseBody reads "text", a bare word, or *1000: so many bytes.
func ParseBody(text string) ([]byte, error) {
	if size, ok := strings.CutPrefix(text, "*"); ok {
		n, err := strconv.Atoi(size)
		if err != nil {
			return nil, fmt.Errorf("body *%s: %w", size, err)
		}
		return []byte(strings.Repeat("x", n)), nil
	}
	if strings.HasPrefix(text, `"`) {
		s, err := strconv.Unquote(text)
		return []byte(s), err
	}
	return []byte(text), nil
}

// field finds a field of a struct by its name in scripts. It returns the zero Value if there is none.
func field(structure reflect.Value, name string) reflect.Value {
	for i := range structure.NumField() {
		if nameOf(structure.Type().Field(i).Name) == name {
			return structure.Field(i)
		}
	}
	return reflect.Value{}
}

// nameOf gives routing-key, or its short form, for RoutingKey.
func nameOf(goName string) string {
	var b strings.Builder
	for i, r := range goName {
		if unicode.IsUpper(r) && i > 0 {
			b.WriteByte('-')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	if short, ok := shortNames[b.String()]; ok {
		return short
	}
	return b.String()
}

func set(target reflect.Value, text string, hasValue bool) error {
	if target.Kind() == reflect.Pointer { // a property
		target.Set(reflect.New(target.Type().Elem()))
		target = target.Elem()
	}
	if target.Type() == reflect.TypeFor[wire.Table]() {
		table, err := ParseTable(text)
		target.Set(reflect.ValueOf(table))
		return err
	}
	switch target.Kind() {
	case reflect.Bool:
		target.SetBool(!hasValue || text == "true")
	case reflect.String:
		if strings.HasPrefix(text, `"`) {
			unquoted, err := strconv.Unquote(text)
			if err != nil {
				return err
			}
			text = unquoted
		}
		target.SetString(text)
	default:
		n, err := strconv.ParseUint(text, 10, target.Type().Bits())
		if err != nil {
			return err
		}
		target.SetUint(n)
	}
	return nil
}
