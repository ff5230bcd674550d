package terminal

import (
	"unicode"
	"unicode/utf8"
)

// A Key is a letter, in lower case, or one of the control keys.
type Key rune

// The control keys.
const (
	CtrlC  Key = 3
	CtrlD  Key = 4
	Enter  Key = '\r'
	CtrlZ  Key = 26
	escape     = 0x1b
)

// Decode returns the keys in what one read from a terminal in raw mode gave. Arrow keys, function keys and keys with Alt,
// which come as sequences that begin with Escape, are left out: their letters are not what was pressed.
func Decode(input []byte) []Key {
	var keys []Key
	for len(input) > 0 {
		if input[0] == escape {
			input = input[sequence(input):]
			continue
		}
		char, size := utf8.DecodeRune(input)
		keys = append(keys, Key(unicode.ToLower(char)))
		input = input[size:]
	}
	return keys
}

// sequence returns how many bytes belong to the sequence that input begins with: ESC [ parameters letter (ECMA-48
// section 5.4), ESC O letter, ESC letter, or Escape alone.
func sequence(input []byte) int {
	if len(input) < 2 {
		return len(input)
	}
	switch input[1] {
	case '[':
		for i := 2; i < len(input); i++ {
			if input[i] >= '@' && input[i] <= '~' {
				return i + 1
			}
		}
		return len(input)
	case 'O':
		return min(3, len(input))
	}
	return 2
}
