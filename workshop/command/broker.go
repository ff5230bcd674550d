package command

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strconv"

	"warren.example/workshop/broker"
	"warren.example/workshop/broker/mini"
	"warren.example/workshop/course"
)

// What --broker may name.
const (
	brokerMini = "mini"
	brokerReal = "real"
)

// findBroker returns what verdicts are told about the broker that the tests will use, and sees to it that they use that one.
func findBroker(ctx context.Context) (course.Broker, error) {
	source, err := mini.Find(ctx)
	if err != nil {
		return course.Broker{}, err
	}
	choice := broker.ChoiceUp
	switch {
	case mini.IsInside(source):
		choice = broker.ChoiceMini
	case isExternal():
		choice = broker.ChoiceExternal
	}
	return course.Broker{
		Name: source.Name(), Version: source.Version(),
		Env: []string{broker.EnvBroker + "=" + choice}, StandIn: mini.IsStandIn(source.Name()),
	}, source.Close()
}

// isExternal reports whether, of the brokers outside of the tests, the environment names another than that of `up`.
func isExternal() bool {
	return os.Getenv(broker.EnvAMQP) != "" && os.Getenv(broker.EnvBroker) != broker.ChoiceUp
}

// allBrokers returns the brokers on which the course is proved: minirabbit, one more for each seed in hostile, and a real one
// where there is one. only is brokerMini, brokerReal or "" for both. What WORKSHOP_BROKER forces is the only one.
func allBrokers(ctx context.Context, only string, hostile []int64) ([]course.Broker, error) {
	brokers, err := mainBrokers(ctx, only)
	if err != nil || len(hostile) == 0 {
		return brokers, err
	}
	if !brokers[0].StandIn {
		return nil, usagef("--hostile is about minirabbit, and %s alone was chosen", brokers[0].Name)
	}
	var unpleasant []course.Broker
	for _, seed := range hostile {
		if seed == 0 {
			return nil, usagef("--hostile 0: a seed is any number but 0")
		}
		b, err := hostileInside(seed)
		if err != nil {
			return nil, err
		}
		unpleasant = append(unpleasant, b)
	}
	return slices.Insert(brokers, 1, unpleasant...), nil
}

// mainBrokers is allBrokers without the hostile ones.
func mainBrokers(ctx context.Context, only string) ([]course.Broker, error) {
	if only != "" && only != brokerMini && only != brokerReal {
		return nil, usagef("--broker %s: there are %s and %s", only, brokerMini, brokerReal)
	}
	standIn, err := inside()
	if err != nil || only == brokerMini {
		return []course.Broker{standIn}, err
	}
	given, err := findBroker(ctx)
	forced := os.Getenv(broker.EnvBroker)
	switch {
	case err != nil:
		return nil, err
	case only == brokerReal && given.StandIn:
		return nil, fmt.Errorf("--broker %s: there is only %s. A real one: %s, or %s", brokerReal, given.Name, makeOr("up"), broker.EnvAMQP)
	case only == brokerReal, forced != "" && forced != broker.ChoiceAuto:
		return []course.Broker{given}, nil
	case given.StandIn: // also that of `up --mini`: each test's process has one of its own
		return []course.Broker{standIn}, nil
	}
	return []course.Broker{standIn, given}, nil
}

// inside returns the minirabbit that each test's process has of its own.
func inside() (course.Broker, error) {
	options, err := mini.FromEnvironment()
	if err != nil {
		return course.Broker{}, err
	}
	return insideWith(options)
}

// hostileInside is inside with a seed of what the minirabbit does to its clients, instead of the environment's.
func hostileInside(seed int64) (course.Broker, error) {
	options, err := mini.FromEnvironment()
	if err != nil {
		return course.Broker{}, err
	}
	options.Hostility = seed
	b, err := insideWith(options)
	b.Env = append(b.Env, mini.EnvHostility+"="+strconv.FormatInt(seed, 10))
	return b, err
}

func insideWith(options mini.Options) (course.Broker, error) {
	source, err := mini.New(options)
	if err != nil {
		return course.Broker{}, err
	}
	return course.Broker{
		Name: source.Name(), Version: source.Version(),
		Env: []string{broker.EnvBroker + "=" + broker.ChoiceMini}, StandIn: true,
	}, source.Close()
}

// livesInTests reports whether a broker is the minirabbit of each test's process, which nobody else sees.
func livesInTests(b course.Broker) bool {
	return slices.Contains(b.Env, broker.EnvBroker+"="+broker.ChoiceMini)
}

// caveat says in one line what green verdicts of this machine leave open; "" when nothing is.
func caveat(ctx context.Context, d *desk, b course.Broker) string {
	_, why := d.course.RaceDetector(ctx)
	return course.Caveat(b, why)
}
