package command

import (
	"context"
	"fmt"
	"strings"

	"warren.example/workshop/course"
)

// A judge judges the learner's file for the loop, each time on the broker that is there then.
type judge struct {
	columns func() int // of the screen on which diagrams are shown
}

// twice judges without the race detector, which is quicker, and what is green then with it.
func (j judge) twice(ctx context.Context, e course.Exercise, say func(string)) (course.Verdict, error) {
	broker, err := findBroker(ctx)
	if err != nil {
		return course.Verdict{}, err
	}
	runner := course.Runner{Broker: broker}
	quick, err := runner.Judge(ctx, course.Variant{Exercise: e, Kind: course.Learner}, course.Options{})
	if err != nil || !quick.Passed {
		return quick, err
	}
	say("green; once more with the race detector")
	return runner.CheckLearner(ctx, e)
}

// wire runs one test and returns all that the tap saw of it.
func (j judge) wire(ctx context.Context, e course.Exercise, test string) (string, error) {
	broker, err := findBroker(ctx)
	if err != nil {
		return "", err
	}
	broker.Env = append(broker.Env, fmt.Sprintf("WORKSHOP_WIRE=%d", j.columns()))
	verdict, err := course.Runner{Broker: broker}.Judge(ctx, course.Variant{Exercise: e, Kind: course.Learner},
		course.Options{Run: "^" + test + "$", Keep: true})
	if err != nil {
		return "", err
	}
	outcome, _ := verdict.Test(test)
	if strings.TrimSpace(outcome.Text) == "" {
		return "Nothing went over the wire in " + test + ".\n", nil
	}
	return outcome.Text + "\n", nil
}
