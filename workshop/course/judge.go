package course

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"warren.example/workshop/course/gotest"
)

// A Runner judges variants. Its zero value is ready to use.
type Runner struct {
	// Broker is what the tests are told about. The zero value leaves the environment as it is.
	Broker Broker
	// Timeout limits one run of one variant's tests. 0 means 2 minutes for each time that the tests run: a solution runs
	// them three times in a row, and some of them kill a broker and start it again.
	Timeout time.Duration
}

// A Broker is where the tests of a run find RabbitMQ.
type Broker struct {
	// Name is what verdicts are kept under: "RabbitMQ 3.10.8 (native)".
	Name string
	// Version is "3.10.8".
	Version string
	// Env is added to the environment of the tests: WORKSHOP_BROKER=…, WORKSHOP_AMQP_URL=….
	Env []string
	// StandIn says that it is no RabbitMQ but imitates one.
	StandIn bool
}

// Options say how a variant is judged.
type Options struct {
	Race  bool   // with the race detector, where there is one; Verdict.Race says whether
	Count int    // how often each test runs; 0 means once
	Run   string // only the tests that match, as in go test -run; "" means all
	Keep  bool   // also keep what tests say that pass: with WORKSHOP_WIRE=1 the diagram
}

// Judge compiles, vets and tests a variant. Everything that is wrong with the variant is in the verdict; the error is
// about the judging itself: no go command, an overlay that go ignored, a context that ended.
func (r Runner) Judge(ctx context.Context, v Variant, o Options) (Verdict, error) {
	if o.Race {
		tools, err := gotest.Probe(ctx, v.Exercise.root)
		if err != nil {
			return Verdict{}, err
		}
		o.Race, _ = tools.Race()
	}
	p, err := prepare(ctx, v, o)
	if err != nil {
		return Verdict{}, err
	}
	defer p.close()
	return p.run(ctx, r)
}

// CheckLearner judges what lies in the exercise's folder: all tests, with the race detector where there is one. Give the
// verdict to Progress.Record to have it remembered.
func (r Runner) CheckLearner(ctx context.Context, e Exercise) (Verdict, error) {
	return r.Judge(ctx, Variant{Exercise: e, Kind: Learner}, Options{Race: true})
}

// RaceDetector reports whether -race works here. If not, why says what is missing, as part of a
// sentence, and what helps.
func (c *Course) RaceDetector(ctx context.Context) (ok bool, why string) {
	tools, err := gotest.Probe(ctx, c.Root)
	if err != nil {
		return false, err.Error()
	}
	return tools.Race()
}

// A prepared variant is compiled and vetted, and can be run on several brokers.
type prepared struct {
	variant Variant
	options Options
	binary  *gotest.Binary // nil when it did not build
	verdict Verdict        // what is known before any test has run
}

// prepare compiles and vets a variant, both at once. o.Race must be possible.
func prepare(ctx context.Context, v Variant, o Options) (*prepared, error) {
	began := time.Now()
	o.Count = max(o.Count, 1)
	p := &prepared{variant: v, options: o, verdict: Verdict{
		Exercise: v.Exercise.ID, Kind: v.Kind, Mistake: v.Mistake, Race: o.Race, Count: o.Count, Tests: []gotest.Test{},
	}}
	if below, err := filepath.Rel(v.Exercise.root, v.File()); err == nil {
		p.verdict.File = filepath.ToSlash(below)
	}
	before, err := v.content()
	if err != nil {
		return nil, err
	}
	pkg := gotest.Package{Dir: v.Exercise.Folder(), Replace: v.replace(), Race: o.Race}
	var group errgroup.Group
	var vetErr error
	group.Go(func() error {
		vetErr = pkg.Vet(ctx)
		return nil
	})
	binary, buildErr := pkg.Build(ctx)
	_ = group.Wait() // vetErr has it
	p.binary = binary
	if err := p.took(buildErr, vetErr); err != nil {
		p.close()
		return nil, err
	}
	if after, err := v.content(); err == nil && after == before { // else the learner saved while it was compiled
		p.verdict.Content = before
	}
	p.verdict.Seconds = since(began)
	return p, nil
}

// took enters into the verdict what go said. A package that doesn't compile doesn't vet either: the compiler says it better.
func (p *prepared) took(buildErr, vetErr error) error {
	var broken *gotest.Broken
	if errors.As(buildErr, &broken) {
		p.verdict.End, p.verdict.Output = broken.End, broken.Output
		return nil
	}
	if buildErr != nil {
		return buildErr
	}
	p.verdict.Built = true
	if errors.As(vetErr, &broken) {
		p.verdict.End, p.verdict.Output = broken.End, broken.Output
		return nil
	}
	p.verdict.Vetted = vetErr == nil
	return vetErr
}

func (p *prepared) close() {
	if p.binary != nil {
		_ = p.binary.Close() // a temporary folder that stays is no reason to fail
	}
}

// A solution is right or wrong, not fast or slow. It never waits out a deadline, so long ones cost nothing; a short one
// would blame it for a machine that has much to do. Some mistakes do wait one out, but what comes before that must not be
// too slow for it either.
const patienceVariable = "WORKSHOP_PATIENCE"

var patience = map[Kind]string{Solution: "6", Wrong: "2"}

// roundLimit is how long the tests of a variant may take, if nobody says otherwise. Nearly all take seconds. Those with nodes of
// their own (03/1, 03/6) also wait until others give theirs back and a RabbitMQ has started, minutes on a machine with much to do.
const roundLimit = 5 * time.Minute

// run runs the tests. Originals that vet objects to are not run; a learner's are, since the tests tell more.
func (p *prepared) run(ctx context.Context, r Runner) (Verdict, error) {
	began := time.Now()
	v := p.verdict
	v.Broker, v.Version = r.Broker.Name, r.Broker.Version
	if !v.Built || (!v.Vetted && v.Kind != Learner) {
		return v, nil
	}
	env := r.Broker.Env
	if longer := patience[v.Kind]; longer != "" && os.Getenv(patienceVariable) == "" {
		env = append(slices.Clone(env), patienceVariable+"="+longer)
	}
	limit := r.Timeout
	if limit == 0 {
		limit = time.Duration(p.options.Count) * roundLimit
	}
	result, err := p.binary.Run(ctx, gotest.Options{
		Count: p.options.Count, Run: p.options.Run, Timeout: limit, Env: env,
		Keep: p.options.Keep,
	})
	if err != nil {
		return Verdict{}, err
	}
	v.Tests = append([]gotest.Test{}, result.Tests...)
	v.Passed = result.Passed() && v.Vetted
	if v.Vetted || result.End != gotest.Ended {
		v.End, v.Output = result.End, result.Output
	}
	v.Seconds += since(began)
	return v, nil
}

func since(start time.Time) float64 { return time.Since(start).Round(time.Millisecond).Seconds() }
