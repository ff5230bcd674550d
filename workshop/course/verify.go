package course

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"warren.example/workshop/course/gotest"
)

// VerifyOptions say what Verify proves.
type VerifyOptions struct {
	Selection  string    // as for Select; "" is all, and the machinery's own tests with it
	CourseOnly bool      // all, but not the machinery's own tests
	NoMistakes bool      // skeletons and solutions alone
	Brokers    []Broker  // every variant is judged on each; none means the Runner's
	Long       bool      // mistakes three times instead of once; one that slips through once has failed
	Fresh      bool      // no kept verdict is used. Those reached on a broker without a name are never kept
	Upstream   bool      // the tree must be as published: skeletons in the chapters are the pristine ones
	NeedRace   bool      // without a race detector Verify fails instead of going on without; CI=true says so too
	Workers    int       // how many variants are compiled, or run all their tests, at a time; 0 is twice GOMAXPROCS
	Progress   func(Row) // called once per row as rows end, never by two goroutines at once; may be nil
}

// waiters is how many mistakes per worker run at a time: one test each, which often only waits for something that never comes.
const waiters = 3

// solutionRuns is how often a solution must pass in a row, and a mistake be seen in a long run.
const solutionRuns = 3

// Verify proves the course:
//
//	pristine skeleton   builds, vets, fails every test with "not done yet"
//	solution            passes all, with the race detector, three times in a row
//	each mistake        builds, vets, is rejected by the named test with the wanted text
//
// and that catalogue and tree agree. The error is about the verifying itself, such as a context that ended; what is wrong
// with the course is in the report, which is never nil and holds what was found until then.
func (c *Course) Verify(ctx context.Context, r Runner, o VerifyOptions) (*Report, error) {
	began := time.Now()
	p := &proof{course: c, runner: r, options: o, shelf: shelf{dir: filepath.Join(c.Scratch, "verdicts")}}
	p.report.Problems, p.report.Rows, p.report.Notes = []Problem{}, []Row{}, []string{} // in JSON: [], not null
	err := p.all(ctx)
	slices.SortStableFunc(p.report.Rows, func(a, b Row) int { return a.order - b.order })
	p.report.Seconds = since(began)
	return &p.report, err
}

// A proof is one verification under way.
type proof struct {
	course  *Course
	runner  Runner
	options VerifyOptions
	shelf   shelf
	work    chan struct{} // has room for as many as may work the machine at a time
	race    bool
	noRace  string // why races are not looked for; "" when they are

	mu     sync.Mutex // guards report and prints, and keeps calls of options.Progress apart
	report Report
	prints *fingerprints
}

func (p *proof) all(ctx context.Context) error {
	exercises, err := p.course.Select(p.options.Selection)
	if err != nil {
		return err
	}
	p.inspect(exercises)
	if err := p.tools(ctx); err != nil {
		return err
	}
	p.mine(exercises)
	p.shelf.sweep()

	brokers := p.options.Brokers
	if len(brokers) == 0 {
		brokers = []Broker{p.runner.Broker}
	}
	p.caveat(brokers)
	var variants []Variant
	for _, e := range exercises {
		variants = append(variants, e.Variants()...)
	}
	if p.options.NoMistakes {
		variants = slices.DeleteFunc(variants, func(v Variant) bool { return v.Kind == Wrong })
	}
	workers := p.options.Workers
	if workers < 1 {
		workers = 2 * runtime.GOMAXPROCS(0)
	}
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(waiters * workers)
	p.work = make(chan struct{}, workers)
	for i, v := range variants {
		group.Go(func() error { return p.variant(groupCtx, v, brokers, i*len(brokers)) })
	}
	if err := group.Wait(); err != nil {
		return err
	}
	if p.options.Selection == "" && !p.options.CourseOnly {
		return p.machinery(ctx, mostReal(brokers), len(variants)*len(brokers))
	}
	return nil
}

// inspect finds what is wrong without running anything: in all of the course, or in what was selected.
func (p *proof) inspect(exercises []Exercise) {
	found := p.course.Inspect
	if p.options.Selection != "" {
		found = func(upstream bool) []Problem {
			i := &inspection{root: p.course.Root, upstream: upstream}
			i.exercises(p.course, exercises)
			return i.problems
		}
	}
	p.report.Problems = append(p.report.Problems, found(p.options.Upstream)...)
	p.report.Failed += len(p.report.Problems)
}

// tools finds out about Go, and whether there is a race detector.
func (p *proof) tools(ctx context.Context) error {
	tools, err := gotest.Probe(ctx, p.course.Root)
	if err != nil {
		return err
	}
	ok, why := tools.Race()
	p.race = ok
	switch {
	case ok:
	case p.options.NeedRace, os.Getenv("CI") == "true":
		p.report.Problems = append(p.report.Problems, Problem{File: "go", Text: "no race detector: " + why + "; here the proof needs it"})
		p.report.Failed++
	default:
		p.noRace = why
	}
	p.prints, err = newFingerprints(p.course.Root, tools)
	return err
}

// mostReal returns the broker for the machinery's own tests, some of which need a real one: the first that is no stand-in.
func mostReal(brokers []Broker) Broker {
	for _, b := range brokers {
		if !b.StandIn {
			return b
		}
	}
	return brokers[0]
}

// caveat notes in one line what a green report leaves open: that no RabbitMQ judged, that nobody looked for races.
func (p *proof) caveat(brokers []Broker) {
	if text := Caveat(mostReal(brokers), p.noRace); text != "" {
		p.report.Notes = append(p.report.Notes, text)
	}
}

// Caveat says in one line what verdicts reached on a broker leave open: that it only stands in for RabbitMQ, and that races
// were not looked for, if noRace says why. It is "" when nothing is.
func Caveat(b Broker, noRace string) string {
	var parts []string
	if b.StandIn {
		parts = append(parts, "minirabbit stands in for RabbitMQ; a real one: make up (or go run ./workshop up)")
	}
	if noRace != "" {
		parts = append(parts, "races were not looked for: "+noRace)
	}
	return strings.Join(parts, " · ")
}

// mine notes which files are the learner's: the originals are judged in their place.
func (p *proof) mine(exercises []Exercise) {
	var files []string
	for _, e := range exercises {
		if begun, err := e.Begun(); err == nil && begun {
			files = append(files, e.Path()+"/"+e.File)
		}
		for _, extra := range e.extraFiles() {
			files = append(files, e.Path()+"/"+extra)
		}
	}
	if len(files) > 0 {
		p.report.Notes = append(p.report.Notes, "yours, left alone, the originals were judged: "+strings.Join(files, " "))
	}
}

// variant judges one variant on all brokers. It is compiled once, and only if a verdict is missing.
func (p *proof) variant(ctx context.Context, v Variant, brokers []Broker, order int) error {
	options, wants, err := p.plan(v)
	if err != nil {
		p.done(row(v, brokers[0], order).failed(err.Error()))
		return nil
	}
	hash, err := p.fingerprint(v, options)
	if err != nil {
		p.done(row(v, brokers[0], order).failed(err.Error()))
		return nil
	}
	var built *prepared
	defer func() {
		if built != nil {
			built.close()
		}
	}()
	for i, b := range brokers {
		row := row(v, b, order+i)
		if ok, needs := wants.On(b.Version); !ok {
			row.Status, row.Skipped, row.Why = Skipped, 1, []string{"needs " + needs}
			p.done(row)
			continue
		}
		if kept, found := p.shelf.find(hash, b); found && !p.options.Fresh {
			if f := rules(v.Kind, kept, wants); f.status() == Passed {
				p.done(row.of(kept, f))
				continue
			}
		}
		if built == nil {
			if err := p.begin(ctx); err != nil {
				return err
			}
			built, err = prepare(ctx, v, options)
			p.end()
			if err != nil {
				if ctx.Err() != nil {
					return context.Cause(ctx)
				}
				p.done(row.failed(err.Error()))
				return nil
			}
		}
		if err := p.judge(ctx, built, b, hash, wants, row); err != nil {
			return err
		}
	}
	return nil
}

// judge runs a compiled variant on one broker.
func (p *proof) judge(ctx context.Context, built *prepared, b Broker, hash string, wants Wants, row Row) error {
	if built.variant.Kind != Wrong {
		if err := p.begin(ctx); err != nil {
			return err
		}
		defer p.end()
	}
	runner := p.runner
	runner.Broker = b
	verdict, err := built.run(ctx, runner)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err != nil {
		p.done(row.failed(err.Error()))
		return nil
	}
	f := rules(verdict.Kind, verdict, wants)
	luck := ""
	if verdict.Kind == Wrong && f.status() == Failed && verdict.Built && verdict.Vetted {
		caught := false
		if !p.options.Long { // a long run is for who writes the tests: it gives no second chance
			var again Verdict
			var found finding
			if again, found, caught = built.lookAgain(ctx, runner, wants); caught {
				luck = fmt.Sprintf("caught in %d of %d runs: its test counts on luck, mend it. The other run: %s",
					solutionRuns-1, solutionRuns, f.wrong[0])
				verdict, f = again, found
			}
		}
		if !caught {
			f.wrong = append(f.wrong, built.whoElse(ctx, runner, wants)...)
		}
	}
	verdict.Hash = hash
	row = row.of(verdict, f)
	if luck != "" {
		row.Lucky, row.Why = true, append(row.Why, luck)
	}
	if row.Status == Passed && row.Skipped == 0 && luck == "" {
		if err := p.shelf.keep(verdict, b); err != nil {
			row.Why = append(row.Why, err.Error()) // the verdict stands; next time it is reached again
		}
	}
	p.done(row)
	return nil
}

// begin waits for a turn to work the machine; end gives it back. The error is the context's.
func (p *proof) begin(ctx context.Context) error {
	select {
	case p.work <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (p *proof) end() { <-p.work }

// plan says how a variant is judged.
func (p *proof) plan(v Variant) (Options, Wants, error) {
	switch v.Kind {
	case Solution:
		return Options{Race: p.race, Count: solutionRuns}, Wants{}, nil
	case Wrong:
		source, err := os.ReadFile(v.File())
		if err != nil {
			return Options{}, Wants{}, err
		}
		wants, _, err := ReadWants(v.Mistake, source) // Inspect reports its problems
		if err == nil && len(wants.Claims) == 0 {
			err = fmt.Errorf("no test is named that rejects it")
		}
		if err != nil {
			return Options{}, Wants{}, err
		}
		var names []string
		for _, w := range wants.Claims {
			names = append(names, w.Test)
		}
		o := Options{Count: 1, Run: "^(" + strings.Join(names, "|") + ")$"}
		if p.options.Long {
			o.Count = solutionRuns
		}
		return o, wants, nil
	}
	return Options{Count: 1}, Wants{}, nil
}

func (p *proof) fingerprint(v Variant, o Options) (string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.prints.of(v, o)
}

// done enters a finished row.
func (p *proof) done(row Row) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.report.add(row)
	if p.options.Progress != nil {
		p.options.Progress(row)
	}
}

func rules(kind Kind, v Verdict, wants Wants) finding {
	switch kind {
	case Skeleton:
		return judgeSkeleton(v)
	case Solution:
		return judgeSolution(v)
	}
	return judgeMistake(v, wants)
}

func row(v Variant, b Broker, order int) Row {
	return Row{Exercise: v.Exercise.ID, Kind: v.Kind, Mistake: v.Mistake, Broker: b.Name, order: order}
}

// of returns the row with what was found in a verdict.
func (r Row) of(v Verdict, f finding) Row {
	r.Status, r.Why, r.Skipped = f.status(), slices.Concat(f.wrong, f.skips), len(f.skips)
	r.Kept, r.Seconds, r.Verdict = v.Kept, v.Seconds, &v
	switch r.Status {
	case Passed:
		r.Passed = 1
	case Failed:
		r.Failed = 1
	}
	return r
}

func (r Row) failed(why string) Row {
	r.Status, r.Failed, r.Why = Failed, 1, []string{why}
	return r
}
