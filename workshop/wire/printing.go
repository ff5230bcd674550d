package wire

import (
	"fmt"
	"strconv"
	"strings"
)

// printing is the visitor that describes fields for people, each as ` name=value`. It leaves out what says nothing: bits
// that are not set, empty tables, reserved fields unless somebody set them.
type printing struct{ text []byte }

// describe is the String of every method.
func describe(m Method) string {
	p := printing{text: []byte(m.Name())}
	m.fields(&p)
	return string(p.text)
}

// shortNames are what people say for a few long names.
var shortNames = map[string]string{
	"consumer-tag": "consumer",
	"delivery-tag": "tag",
	"reply-code":   "code",
	"reply-text":   "text",
	"routing-key":  "key",
}

func (p *printing) bit(name string, v *bool) {
	if *v {
		p.text = append(append(p.text, ' '), name...)
	}
}

func (p *printing) octet(name string, v *uint8)         { p.number(name, uint64(*v)) }
func (p *printing) short(name string, v *uint16)        { p.number(name, uint64(*v)) }
func (p *printing) long(name string, v *uint32)         { p.number(name, uint64(*v)) }
func (p *printing) longlong(name string, v *uint64)     { p.number(name, *v) }
func (p *printing) timestamp(name string, v *Timestamp) { p.field(name, v.String(), *v == 0) }
func (p *printing) shortstr(name string, v *string)     { p.field(name, quote(*v), *v == "") }
func (p *printing) longstr(name string, v *string)      { p.field(name, quote(*v), *v == "") }
func (p *printing) secret(name string, v *string)       { p.field(name, bytesOf(len(*v)), *v == "") }

func (p *printing) table(name string, v *Table) {
	if len(*v) > 0 {
		p.field(name, v.String(), false)
	}
}

func (p *printing) number(name string, v uint64) {
	p.field(name, strconv.FormatUint(v, 10), v == 0)
}

// field appends a name and its value. isZero is asked for reserved fields only.
func (p *printing) field(name, value string, isZero bool) {
	if isZero && strings.HasPrefix(name, "reserved-") {
		return
	}
	if short, ok := shortNames[name]; ok {
		name = short
	}
	p.text = append(append(append(append(p.text, ' '), name...), '='), value...)
}

// quote gives text in Go's quotes. All short strings are shown whole, longer ones are cut.
func quote(s string) string {
	const most = maxShortString
	if len(s) <= most {
		return strconv.Quote(s)
	}
	return fmt.Sprintf("%q… (%d bytes)", s[:most], len(s))
}

// label gives the name of a table's field, in quotes if it could be misread.
func label(name string) string {
	for _, r := range name {
		if r <= ' ' || r == '=' || r == '"' || r == '{' || r == '}' || r == '[' || r == ']' || !strconv.IsPrint(r) {
			return quote(name)
		}
	}
	if name == "" {
		return `""`
	}
	return name
}

// textOf is v.String(), also for the nil that somebody forgot to fill in.
func textOf(v Value) string {
	if v == nil {
		return "nil"
	}
	return v.String()
}

// bytesOf stands for bytes that are not shown.
func bytesOf(n int) string { return "(" + plural(uint64(n)) + ")" }

// plural gives "1 byte", "2 bytes".
func plural(n uint64) string {
	if n == 1 {
		return "1 byte"
	}
	return strconv.FormatUint(n, 10) + " bytes"
}
