package protocol

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// RabbitMQ's errors about frames show the bytes as Erlang prints a binary.

// snippet describes a payload as rabbit_reader does: `all octets = <<1,2>>` or `first 16 octets = <<"abcdefghijklmnop">>`.
func snippet(payload []byte) string {
	const shown = 16
	if len(payload) <= shown {
		return "all octets = " + binaryTerm(payload)
	}
	return "first 16 octets = " + binaryTerm(payload[:shown])
}

// binaryTerm prints b as ~tp does: <<"text">> if all of it can be printed, else the numbers.
func binaryTerm(b []byte) string {
	text, ascii, ok := printable(b)
	switch {
	case !ok:
		return binaryNumbers(b)
	case ascii:
		return `<<"` + text + `">>`
	default:
		return `<<"` + text + `"/utf8>>`
	}
}

// binaryNumbers prints b as ~w does: <<97,98>>.
func binaryNumbers(b []byte) string {
	var s strings.Builder
	s.WriteString("<<")
	for i, octet := range b {
		if i > 0 {
			s.WriteByte(',')
		}
		s.WriteString(strconv.Itoa(int(octet)))
	}
	s.WriteString(">>")
	return s.String()
}

// escapes are the characters that Erlang prints with a backslash and yet counts as printable.
var escapes = map[rune]string{
	'\n': `\n`, '\r': `\r`, '\t': `\t`, '\v': `\v`, '\b': `\b`, '\f': `\f`, 27: `\e`, '"': `\"`, '\\': `\\`,
}

// printable returns what stands between the quotes, and false if b is empty or has something that is not text.
func printable(b []byte) (text string, ascii, ok bool) {
	if len(b) == 0 || !utf8.Valid(b) {
		return "", false, false
	}
	ascii = true
	var s strings.Builder
	for _, r := range string(b) {
		escaped, special := escapes[r]
		switch {
		case special:
			s.WriteString(escaped)
		case r < ' ' || r >= 0x7f && r < 0xa0:
			return "", false, false
		default:
			ascii = ascii && r < utf8.RuneSelf
			s.WriteRune(r)
		}
	}
	return s.String(), ascii, true
}

// tooLargeTerm is {frame_too_large,Size,Limit}.
func tooLargeTerm(size, limit uint32) string {
	return fmt.Sprintf("{frame_too_large,%d,%d}", size, limit)
}

// wrongEndTerm is {invalid_frame_end_marker,Octet}.
func wrongEndTerm(octet byte) string { return fmt.Sprintf("{invalid_frame_end_marker,%d}", octet) }
