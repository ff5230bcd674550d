package queue

import (
	"fmt"
	"slices"

	"warren.example/workshop/minirabbit/internal/field"
	"warren.example/workshop/minirabbit/internal/version"
	"warren.example/workshop/wire"
)

// check is how RabbitMQ judges an argument: "" if it is fine, else what stands at the end of the error, as Erlang prints it.
type check struct {
	name  string
	check func(v wire.Value, all wire.Table) string
}

// checks are in the order of rabbit_amqqueue's declare_args.
func checks(v version.Version) []check {
	all := []check{
		{"x-expires", checkExpires},
		{"x-message-ttl", checkTTL},
		{"x-dead-letter-exchange", checkString},
		{"x-dead-letter-routing-key", checkKey},
		{"x-dead-letter-strategy", checkOneOf("invalid_dlx_strategy", "at-most-once", "at-least-once")},
		{"x-max-length", checkCount},
		{"x-max-length-bytes", checkCount},
		{"x-max-in-memory-length", checkCount},
		{"x-max-in-memory-bytes", checkCount},
		{"x-max-priority", checkPriority},
		{"x-overflow", checkOneOf("invalid_overflow", "drop-head", "reject-publish", "reject-publish-dlx")},
	}
	if v.QueueModes() {
		all = append(all, check{"x-queue-mode", checkMode})
	}
	return append(all, []check{
		{"x-queue-version", checkVersion(v)},
		{"x-single-active-consumer", checkBool},
		{"x-consumer-timeout", checkCount},
		{"x-consumer-disconnected-timeout", checkCount},
		{"x-quorum-initial-group-size", checkSize},
		{"x-max-age", checkAge(v)},
		{"x-stream-max-segment-size-bytes", checkCount},
		{"x-stream-filter-size-bytes", checkCount},
		{"x-initial-cluster-size", checkSize},
		{"x-queue-leader-locator", checkOneOf("invalid_queue_locator_arg", locators(v)...)},
	}...)
}

func locators(v version.Version) []string {
	known := []string{"client-local", "balanced", "random", "least-leaders"}
	if v.ClassicLeaderLocator() {
		known = append(known, "min-masters")
	}
	return known
}

func unacceptable(v wire.Value) string { return "{unacceptable_type," + field.TypeName(v) + "}" }

func checkInt(v wire.Value, _ wire.Table) string {
	if _, ok := field.Integer(v); !ok {
		return fmt.Sprintf("%q", "expected integer, got "+field.TypeName(v))
	}
	return ""
}

func checkCount(v wire.Value, all wire.Table) string {
	if reason := checkInt(v, all); reason != "" {
		return reason
	}
	if n, _ := field.Integer(v); n < 0 {
		return fmt.Sprintf("{value_negative,%d}", n)
	}
	return ""
}

func checkSize(v wire.Value, all wire.Table) string {
	if n, ok := field.Integer(v); ok && n == 0 {
		return "{value_zero,0}"
	}
	return checkCount(v, all)
}

// longestTTL is ten years of milliseconds.
const longestTTL = 315_360_000_000

func checkTTL(v wire.Value, all wire.Table) string {
	if n, ok := field.Integer(v); ok && n > longestTTL {
		return fmt.Sprintf("{value_too_large,%d}", n)
	}
	return checkCount(v, all)
}

func checkExpires(v wire.Value, all wire.Table) string {
	if n, ok := field.Integer(v); ok && n == 0 {
		return "{value_zero,0}"
	}
	return checkTTL(v, all)
}

func checkPriority(v wire.Value, all wire.Table) string {
	if n, ok := field.Integer(v); ok && n > 255 {
		return fmt.Sprintf("{max_value_exceeded,%d}", n)
	}
	return checkCount(v, all)
}

func checkString(v wire.Value, _ wire.Table) string {
	if _, ok := v.(wire.String); !ok {
		return unacceptable(v)
	}
	return ""
}

func checkKey(v wire.Value, all wire.Table) string {
	if reason := checkString(v, all); reason != "" {
		return reason
	}
	if _, ok := all.Get("x-dead-letter-exchange"); !ok {
		return "routing_key_but_no_dlx_defined"
	}
	return ""
}

func checkBool(v wire.Value, _ wire.Table) string {
	if _, ok := v.(wire.Bool); !ok {
		return unacceptable(v)
	}
	return ""
}

func checkOneOf(reason string, known ...string) func(wire.Value, wire.Table) string {
	return func(v wire.Value, all wire.Table) string {
		if reason := checkString(v, all); reason != "" {
			return reason
		}
		if !slices.Contains(known, string(v.(wire.String))) {
			return reason
		}
		return ""
	}
}

func checkMode(v wire.Value, all wire.Table) string {
	return checkOneOf(fmt.Sprintf("\"unsupported queue mode '%s'\"", plain(v)), "default", "lazy")(v, all)
}

func checkType(v wire.Value) string {
	return checkOneOf(fmt.Sprintf("\"unsupported queue type '%s'\"", plain(v)))(v, nil)
}

func checkVersion(v version.Version) func(wire.Value, wire.Table) string {
	return func(value wire.Value, all wire.Table) string {
		if reason := checkCount(value, all); reason != "" {
			return reason
		}
		if n, _ := field.Integer(value); n != 2 && (n != 1 || !v.QueueModes()) {
			return fmt.Sprintf("\"unsupported queue version '%d'\"", n)
		}
		return ""
	}
}

func checkAge(v version.Version) func(wire.Value, wire.Table) string {
	return func(value wire.Value, all wire.Table) string {
		if reason := checkString(value, all); reason != "" {
			return reason
		}
		switch _, err := parseAge(string(value.(wire.String))); {
		case err == errNoDigit && v.StumblesOverAges():
			return stumbles
		case err != nil:
			return errAge.Error()
		}
		return ""
	}
}

// plain is the text of a string, and "" of anything else.
func plain(v wire.Value) string {
	s, _ := v.(wire.String)
	return string(s)
}
