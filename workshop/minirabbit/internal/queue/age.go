package queue

import (
	"errors"
	"math"
	"strconv"
	"time"
)

// The ways in which an age is wrong. RabbitMQ answers one with 406 and stumbles over the other.
var (
	errAge     = errors.New("invalid_max_age")
	errNoDigit = errors.New("no number where one must be")
)

var units = map[string]time.Duration{
	"Y": 365 * 24 * time.Hour, "M": 30 * 24 * time.Hour, "D": 24 * time.Hour, "h": time.Hour, "m": time.Minute, "s": time.Second,
}

// parseAge reads a number and a unit, as in "7D" or "30m" (rabbitmq.com/docs/streams#retention). Longer than a Duration can
// be is the longest.
func parseAge(text string) (time.Duration, error) {
	digits := 0
	for digits < len(text) && text[digits] >= '0' && text[digits] <= '9' {
		digits++
	}
	if digits == 0 {
		return 0, errNoDigit
	}
	n, err := strconv.ParseInt(text[:digits], 10, 64)
	unit, ok := units[text[digits:]]
	switch {
	case !ok, err == nil && n == 0:
		return 0, errAge
	case err != nil, n > math.MaxInt64/int64(unit):
		return math.MaxInt64, nil
	}
	return time.Duration(n) * unit, nil
}
