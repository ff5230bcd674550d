package broker

import (
	"context"
	"fmt"
	"os"
)

// The environment variables that choose the broker.
const (
	EnvBroker     = "WORKSHOP_BROKER"         // one of the choices; empty is auto
	EnvAMQP       = "WORKSHOP_AMQP_URL"       // the URL of an external broker, of an administrator
	EnvManagement = "WORKSHOP_MANAGEMENT_URL" // its management API, when it is not on the same host at port 15672
	EnvProbed     = "WORKSHOP_BROKER_PROBED"  // not empty: who set it has seen that broker answer, URL need not try it
)

// The values of WORKSHOP_BROKER.
const (
	ChoiceAuto     = "auto"     // the first that there is: external, up, and for tests mini
	ChoiceExternal = "external" // the one that WORKSHOP_AMQP_URL names
	ChoiceUp       = "up"       // the one that `workshop up` left running
	ChoiceMini     = "mini"     // minirabbit inside the test's process: package mini. Nobody else can reach it
)

// Find returns the source of brokers outside this process: the external one when WORKSHOP_AMQP_URL is set, else the one that
// `workshop up` left running. WORKSHOP_BROKER=external or =up forces one of them, =mini forbids both. The error is ErrNone
// when there is none; every error says what to do. The caller closes the source. Tests take mini.Find, which always has one.
func Find(ctx context.Context) (Source, error) {
	choice, err := choose()
	if err != nil {
		return nil, err
	}
	if choice == ChoiceExternal {
		return External(ctx, ExternalConfig{AMQP: os.Getenv(EnvAMQP), Management: os.Getenv(EnvManagement)})
	}
	remote, err := Up(ctx)
	if err != nil {
		return nil, err
	}
	return remote, nil
}

// URL returns the AMQP URL of the shared broker of the source that Find would find, for demos. A broker outside needs no
// management API for that, and its user need not be an administrator.
func URL(ctx context.Context) (string, error) {
	choice, err := choose()
	if err != nil {
		return "", err
	}
	if choice == ChoiceExternal {
		if os.Getenv(EnvProbed) != "" { // `workshop tap` draws what passes: a probe would be in the picture
			return os.Getenv(EnvAMQP), nil
		}
		if _, err := Probe(ctx, os.Getenv(EnvAMQP)); err != nil {
			return "", fmt.Errorf("%s: %w", EnvAMQP, err)
		}
		return os.Getenv(EnvAMQP), nil
	}
	source, err := Up(ctx)
	if err != nil {
		return "", err
	}
	defer source.Close()
	lease, err := source.Lease(ctx, Request{For: "a demo"})
	if err != nil {
		return "", err
	}
	return lease.Nodes()[0].Info().AMQP, lease.Release()
}

// choose reads the environment: external or up. Where it says mini there is no broker for others, which is an ErrNone.
func choose() (choice string, err error) {
	isSet := os.Getenv(EnvAMQP) != ""
	switch choice := os.Getenv(EnvBroker); choice {
	case "", ChoiceAuto:
		if isSet {
			return ChoiceExternal, nil
		}
		return ChoiceUp, nil
	case ChoiceExternal:
		if !isSet {
			return "", fmt.Errorf("%s=external needs %s: set it to the URL of a RabbitMQ", EnvBroker, EnvAMQP)
		}
		return choice, nil
	case ChoiceUp:
		return choice, nil
	case ChoiceMini:
		return "", fmt.Errorf("%w (%s=mini is for tests alone)", ErrNone, EnvBroker)
	default:
		return "", fmt.Errorf("%s=%q is not known: use auto, external, up or mini", EnvBroker, choice)
	}
}
