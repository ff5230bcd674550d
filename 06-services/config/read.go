package config

import (
	"errors"
	"fmt"
	"net"
	"os"
	"reflect"
	"strconv"
	"strings"

	"github.com/caarlos0/env/v11"
	"github.com/go-playground/validator/v10"
)

// Default returns the settings of an empty environment.
func Default() Config {
	c, _ := Read(nil) // a test sees to it that the defaults do
	return c
}

// Environ returns the environment as Read wants it.
func Environ() map[string]string { return env.ToMap(os.Environ()) }

// Read reads the settings from an environment; a variable that is empty counts as not there. The error names all variables that
// are wrong, what they are and what would do.
func Read(environ map[string]string) (Config, error) {
	set := make(map[string]string, len(environ))
	for key, value := range environ {
		if value != "" {
			set[key] = value
		}
	}
	c := patient()
	var wrong []error
	for _, s := range Settings(c) {
		value, ok := set[s.Name]
		if !ok {
			continue
		}
		probe := patient()
		if parse(&probe, map[string]string{s.Name: value}) != nil {
			wrong = append(wrong, fmt.Errorf("%s=%q won't do: it takes %s", s.Name, s.mask(value), s.takes))
			delete(set, s.Name)
		}
	}
	if err := parse(&c, set); err != nil {
		return c, fmt.Errorf("read the settings: %w", err)
	}
	return c, errors.Join(append(wrong, invalid(c)...)...)
}

func parse(c *Config, environ map[string]string) error {
	return env.ParseWithOptions(c, env.Options{Environment: environ})
}

// invalid checks the settings by their `validate` tags.
func invalid(c Config) []error {
	var fields validator.ValidationErrors
	if !errors.As(validate.Struct(c), &fields) {
		return nil
	}
	var wrong []error
	for _, f := range fields {
		// "Config.SHOP_CHARGE_.WAIT" is SHOP_CHARGE_WAIT, "Config.Network.SHOP_HTTP" is SHOP_HTTP, "Config.SHOP_RETRY[1]" is in
		// SHOP_RETRY.
		path := strings.TrimPrefix(strings.TrimPrefix(f.Namespace(), "Config."), "Network.")
		name, _, _ := strings.Cut(strings.ReplaceAll(path, ".", ""), "[")
		value := fmt.Sprint(f.Value())
		for _, s := range Settings(c) {
			if s.Name == name {
				value = s.Value
			}
		}
		wrong = append(wrong, fmt.Errorf("%s=%q won't do: it takes %s", name, value, rule(f.Tag(), f.Param())))
	}
	return wrong
}

var validate = func() *validator.Validate {
	v := validator.New(validator.WithRequiredStructEnabled())
	_ = v.RegisterValidation("address", func(f validator.FieldLevel) bool { // fails for an empty name only
		_, port, err := net.SplitHostPort(f.Field().String())
		_, wrong := strconv.ParseUint(port, 10, 16) // 0 is any free port
		return err == nil && wrong == nil
	})
	v.RegisterTagNameFunc(func(f reflect.StructField) string { return f.Tag.Get("env") + f.Tag.Get("envPrefix") })
	return v
}()

// rule says what a rule of validator wants.
func rule(tag, param string) string {
	switch tag {
	case "gt":
		return "more than " + param
	case "gte":
		return param + " or more"
	case "min", "max":
		return tag + "imum " + param
	case "oneof":
		return "one of " + strings.ReplaceAll(param, " ", ", ")
	case "uri":
		return "a URL"
	case "email":
		return "an address such as a@shop.example"
	case "address":
		return "an address such as 127.0.0.1:8080"
	case "file":
		return "the path of a file that is there"
	case "required_with":
		return "a file, since there is a certificate"
	}
	return tag + " " + param
}
