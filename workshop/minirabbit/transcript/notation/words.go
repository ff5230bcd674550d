package notation

import "fmt"

// Words cuts a line at its spaces, but not inside quotes, brackets, braces and parentheses.
func Words(line string) ([]string, error) {
	var words []string
	begin, depth := -1, 0
	for i := 0; i < len(line); i++ {
		c := line[i]
		if c == ' ' && depth == 0 {
			if begin >= 0 {
				words = append(words, line[begin:i])
			}
			begin = -1
			continue
		}
		if begin < 0 {
			begin = i
		}
		switch c {
		case '"':
			end := closingQuote(line, i)
			if end < 0 {
				return nil, fmt.Errorf("a quote is not closed in %s", line)
			}
			i = end
		case '{', '[', '(':
			depth++
		case '}', ']', ')':
			depth--
		}
	}
	if depth != 0 {
		return nil, fmt.Errorf("a bracket is not closed in %s", line)
	}
	if begin >= 0 {
		words = append(words, line[begin:])
	}
	return words, nil
}

// closingQuote returns where the quote that opens at i closes, -1 if it does not.
func closingQuote(s string, i int) int {
	for j := i + 1; j < len(s); j++ {
		switch s[j] {
		case '\\':
			j++
		case '"':
			return j
		}
	}
	return -1
}
