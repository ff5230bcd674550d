// Package bench measures what the workshop costs a learner, as ratios taken in one run: the time from an edit to the
// verdict against the least that go test needs for any test of a RabbitMQ client. The tap's own benchmarks stand beside
// the tap. `make bench` runs them all.
package bench
