package mini

import (
	"fmt"
	"os"
	"strconv"
)

// The environment variables that choose what a minirabbit is like.
const (
	EnvVersion   = "WORKSHOP_MINIRABBIT"         // the RabbitMQ to imitate: 3.10, 4.0 (or empty) or 4.3
	EnvHostility = "WORKSHOP_MINIRABBIT_HOSTILE" // the seed of a hostile one, a number; empty or 0: a friendly one
)

// FromEnvironment returns the options that the environment asks for.
func FromEnvironment() (Options, error) {
	o := Options{Version: os.Getenv(EnvVersion)}
	if seed := os.Getenv(EnvHostility); seed != "" {
		n, err := strconv.ParseInt(seed, 10, 64)
		if err != nil {
			return Options{}, fmt.Errorf("%s=%q: want a number, the seed of what it does", EnvHostility, seed)
		}
		o.Hostility = n
	}
	return o, nil
}
