package vhost

import (
	"fmt"
	"strings"
)

// longestExpiry is the longest time to live that RabbitMQ takes: ten years, in milliseconds (rabbit_misc:check_expiry).
const longestExpiry = "315360000000"

// expirationProblem tells what is wrong with the property expiration, as RabbitMQ words it (rabbit_basic:parse_expiration),
// and "" if it is a number of milliseconds.
func expirationProblem(text string) string {
	digits := strings.TrimLeft(text, "+-")
	if len(text)-len(digits) > 1 {
		return "no_integer"
	}
	rest := strings.TrimLeft(digits, "0123456789")
	number := strings.TrimLeft(digits[:len(digits)-len(rest)], "0")
	negative := text != "" && text[0] == '-'
	switch {
	case len(digits) == len(rest):
		return "no_integer"
	case rest != "":
		return fmt.Sprintf("{leftover_string,%q}", rest)
	case negative && number != "":
		return fmt.Sprintf("{value_negative,-%s}", number)
	case len(number) > len(longestExpiry) || len(number) == len(longestExpiry) && number > longestExpiry:
		return fmt.Sprintf("{value_too_large,%s}", number)
	}
	return ""
}
