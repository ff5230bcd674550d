package config

import (
	"fmt"
	"net/url"
	"reflect"
	"strings"
	"time"
)

// A Setting is one setting as people see it. Passwords are masked.
type Setting struct {
	Name  string // of the environment variable
	Value string
	Help  string
	takes string // what can be read: "a duration, …"
}

// Settings returns all settings of c, in the order of Config.
func Settings(c Config) []Setting { return settings(reflect.ValueOf(c), "", "") }

func settings(v reflect.Value, prefix, about string) []Setting {
	var all []Setting
	for i := range v.NumField() {
		field, value := v.Type().Field(i), v.Field(i)
		help := field.Tag.Get("help")
		if field.Anonymous {
			all = append(all, settings(value, prefix, about)...)
			continue
		}
		if inner := field.Tag.Get("envPrefix"); inner != "" {
			all = append(all, settings(value, prefix+inner, about+help+": ")...)
			continue
		}
		s := Setting{Name: prefix + field.Tag.Get("env"), Help: about + help, takes: takes(field.Type)}
		s.Value = s.mask(text(value))
		all = append(all, s)
	}
	return all
}

// text writes a value as Read reads it.
func text(v reflect.Value) string {
	switch v.Kind() {
	case reflect.Slice:
		var parts []string
		for i := range v.Len() {
			parts = append(parts, mask(fmt.Sprint(v.Index(i))))
		}
		return strings.Join(parts, ",")
	case reflect.Map:
		var parts []string
		for _, key := range v.MapKeys() {
			parts = append(parts, fmt.Sprintf("%v=%v", key, v.MapIndex(key)))
		}
		return strings.Join(parts, ",")
	}
	return fmt.Sprint(v)
}

// takes says what a type can be read from.
func takes(t reflect.Type) string {
	switch {
	case t == reflect.TypeFor[time.Duration]():
		return "a duration such as 500ms, 3s or 2m"
	case t == reflect.TypeFor[[]time.Duration]():
		return "durations with commas between, such as 1s,10s"
	case t.Kind() == reflect.Bool:
		return "true or false"
	case t.Kind() == reflect.Int:
		return "a whole number"
	case t.Kind() == reflect.Float64:
		return "a number"
	case t.Kind() == reflect.Map:
		return "pairs with commas between, such as order=127.0.0.1:7001/7002"
	}
	return "text"
}

// mask hides what a password may be in.
func (s Setting) mask(value string) string {
	if strings.HasSuffix(s.Name, "PASSWORD") && value != "" {
		return "***"
	}
	return mask(value)
}

// mask hides the password in a URL. Of what has one and can't be read, nothing is left.
func mask(value string) string {
	if !strings.Contains(value, "@") || !strings.Contains(value, "://") {
		return value
	}
	u, err := url.Parse(value)
	if err != nil {
		return "***"
	}
	return u.Redacted()
}
