package notation

import (
	"fmt"
	"hash/crc32"
	"reflect"
	"strconv"
	"strings"
	"unicode/utf8"

	"warren.example/workshop/wire"
)

// longestBody is how many bytes of a body are shown; of longer ones size and checksum.
const longestBody = 100

// Format writes a method and what it carries. Left out are bits that are not set, empty tables and reserved fields;
// properties that are absent; and the body's number of frames if it is one or none. content may be nil.
func Format(m wire.Method, content *Content) string {
	text := m.Name() + fields(reflect.ValueOf(m).Elem())
	if content == nil {
		return text
	}
	text += fields(reflect.ValueOf(content.Properties))
	if content.Frames > 1 {
		text += fmt.Sprintf(" frames=%d", content.Frames)
	}
	return text + " body=" + body(content.Body)
}

func body(b []byte) string {
	if len(b) > longestBody || !utf8.Valid(b) {
		return fmt.Sprintf("(%d bytes, checksum %08x)", len(b), crc32.ChecksumIEEE(b))
	}
	return strconv.Quote(string(b))
}

func fields(structure reflect.Value) string {
	var b strings.Builder
	for i := range structure.NumField() {
		name, value := nameOf(structure.Type().Field(i).Name), structure.Field(i)
		if strings.HasPrefix(name, "reserved") {
			continue
		}
		if value.Kind() == reflect.Pointer {
			if value.IsNil() {
				continue
			}
			value = value.Elem()
		}
		if text := one(name, value); text != "" {
			b.WriteString(" " + text)
		}
	}
	return b.String()
}

func one(name string, value reflect.Value) string {
	if table, ok := value.Interface().(wire.Table); ok {
		if table == nil || name == "args" && len(table) == 0 {
			return ""
		}
		return name + "=" + FormatTable(table)
	}
	switch value.Kind() {
	case reflect.Bool:
		if !value.Bool() {
			return ""
		}
		return name
	case reflect.String:
		return name + "=" + strconv.Quote(value.String())
	default:
		if stamp, ok := value.Interface().(wire.Timestamp); ok {
			return name + "=" + FormatValue(stamp)
		}
		return fmt.Sprintf("%s=%d", name, value.Uint())
	}
}
