package gotest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Options say how a binary is run.
type Options struct {
	Count   int           // how often each test runs; 0 means once
	Run     string        // only the tests that match, as in go test -run; "" means all
	Timeout time.Duration // of the whole run; 0 means 2 minutes
	Env     []string      // added to the environment
	Keep    bool          // also keep what tests say that pass
}

// raceOptions are added to GORACE: a binary with the race detector otherwise sleeps for a second when it ends.
const raceOptions = "atexit_sleep_ms=0"

// Run runs the tests. When the process ended before its tests had, they are run again one by one: package testing blames
// a panic on whichever test spoke last. The error is about the running itself; what the tests said is in the result.
func (b *Binary) Run(ctx context.Context, o Options) (Result, error) {
	if o.Count == 0 {
		o.Count = 1
	}
	if o.Timeout == 0 {
		o.Timeout = 2 * time.Minute
	}
	if b.early != nil {
		return *b.early, nil
	}
	wanted, err := b.wanted(o.Run)
	if err != nil || len(wanted) == 0 {
		return Result{End: NoTests}, err
	}
	r, err := b.once(ctx, o, wanted)
	if err != nil || r.End != Panicked {
		return r, err
	}
	return b.oneByOne(ctx, o, r)
}

// oneByOne replaces the outcomes of a run that panicked by those of runs of single tests.
func (b *Binary) oneByOne(ctx context.Context, o Options, together Result) (Result, error) {
	blamed := false
	for i, t := range together.Tests {
		o.Run = "^" + regexp.QuoteMeta(t.Name) + "$"
		alone, err := b.once(ctx, o, []string{t.Name})
		if err != nil {
			return together, err
		}
		switch {
		case alone.End == Panicked:
			alone.Tests[0].Outcome = Panic
			alone.Tests[0].Text = joinLines(alone.Tests[0].Text, alone.Output)
			blamed = true
		case alone.End != Ended && len(alone.Tests) > 0:
			alone.Tests[0].Text = joinLines(alone.Tests[0].Text, alone.Output)
		}
		together.Tests[i] = alone.Tests[0]
	}
	if blamed {
		together.Output = ""
	} else {
		together.Output = joinLines("no test does this when it runs alone:", together.Output)
	}
	return together, nil
}

// once runs the binary once. The result has every wanted test.
func (b *Binary) once(ctx context.Context, o Options, wanted []string) (Result, error) {
	args := []string{
		"-test.v=test2json", "-test.paniconexit0",
		fmt.Sprintf("-test.count=%d", o.Count), "-test.timeout=" + o.Timeout.String(),
	}
	if o.Run != "" {
		args = append(args, "-test.run="+o.Run)
	}
	// The binary ends itself when its time is up and says what ran. A TestMain that hangs is ended from here.
	limited, cancel := context.WithTimeout(ctx, o.Timeout+grace)
	defer cancel()
	f := Fold{Keep: o.Keep}
	exit, err := b.start(limited, o.Env, args, f.Add)
	if ctx.Err() != nil {
		return Result{}, fmt.Errorf("test %s: %w", b.pkg.Dir, context.Cause(ctx))
	}
	if err != nil {
		return Result{}, fmt.Errorf("test %s: %w", b.pkg.Dir, err)
	}
	r := Result{End: f.howItEnded(exit), Output: f.Output()}
	if limited.Err() != nil {
		r.End = TimedOut
	}
	if r.End == Panicked || r.End == Outside {
		r.Output = f.lastWords(exit)
	}
	r.Tests = f.complete(wanted)
	return r, nil
}

// start runs the binary with its output converted by test2json, and returns its exit code.
//
//	test binary ──pipe──▶ test2json ──pipe──▶ each
//
// The pipe between the two is the kernel's: a binary that prints without end is slowed down, not buffered.
func (b *Binary) start(ctx context.Context, env, args []string, each func(Event)) (exit int, err error) {
	test, testFamily := command(ctx, b.pkg.Dir, append(slices.Clone(b.pkg.Env), env...), b.file, args...)
	test.Env = append(test.Env, "GORACE="+strings.TrimSpace(lookup(test.Env, "GORACE")+" "+raceOptions))
	name, converterArgs := converter(ctx)
	// The converter's context is not the test's: it reads to the end whatever the test says while it is ended.
	convert, convertFamily := command(context.WithoutCancel(ctx), b.pkg.Dir, nil, name, converterArgs...)

	r, w, err := os.Pipe()
	if err != nil {
		return 0, err
	}
	defer r.Close()
	defer w.Close()
	test.Stdout, test.Stderr = w, w
	convert.Stdin = r
	events, err := convert.StdoutPipe()
	if err != nil {
		return 0, err
	}
	if err := start(convert, convertFamily); err != nil {
		return 0, fmt.Errorf("test2json: %w", err)
	}
	defer convertFamily.end()
	_ = r.Close()

	ended := make(chan error, 1)
	go func() {
		err := run(test, testFamily) // also ends what the tests left running, which would keep the pipe open
		_ = w.Close()
		ended <- err
	}()
	readErr := Read(events, each)
	testErr := <-ended
	if err := errors.Join(readErr, convert.Wait()); err != nil {
		return 0, fmt.Errorf("test2json: %w", err)
	}
	var bad *exec.ExitError
	if testErr != nil && !errors.As(testErr, &bad) && ctx.Err() == nil {
		return 0, testErr
	}
	return test.ProcessState.ExitCode(), nil
}

// list asks the binary for its tests and benchmarks. A binary that fails at this has a broken init or TestMain: early is
// set then.
func (b *Binary) list(ctx context.Context) ([]string, error) {
	limited, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	cmd, f := command(limited, b.pkg.Dir, b.pkg.Env, b.file, "-test.list=.")
	cmd.Env = append(cmd.Env, "GORACE="+strings.TrimSpace(lookup(cmd.Env, "GORACE")+" "+raceOptions))
	var out, bad text
	cmd.Stdout, cmd.Stderr = &out, &bad
	err := run(cmd, f)
	if ctx.Err() != nil {
		return nil, fmt.Errorf("list the tests of %s: %w", b.pkg.Dir, context.Cause(ctx))
	}
	if err != nil {
		end := Panicked
		if limited.Err() != nil {
			end = TimedOut
		}
		b.early = &Result{End: end, Output: joinLines("before any test:", joinLines(out.b.String(), bad.b.String()), err.Error())}
		return nil, nil
	}
	return testName.FindAllString(out.b.String(), -1), nil
}

var testName = regexp.MustCompile(`(?m)^(Test|Example|Fuzz|Benchmark)\w*$`)

// wanted returns the tests that an expression as in go test -run selects.
func (b *Binary) wanted(expression string) ([]string, error) {
	if expression == "" {
		return b.tests, nil
	}
	top, _, _ := strings.Cut(expression, "/")
	re, err := regexp.Compile(top)
	if err != nil {
		return nil, fmt.Errorf("select tests: %w", err)
	}
	var wanted []string
	for _, name := range b.tests {
		if re.MatchString(name) {
			wanted = append(wanted, name)
		}
	}
	return wanted, nil
}
