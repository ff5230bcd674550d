package loop_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"warren.example/workshop/command/loop"
	"warren.example/workshop/command/terminal"
	"warren.example/workshop/command/view"
	"warren.example/workshop/course"
	"warren.example/workshop/course/gotest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const patience = 20 * time.Second

// catalogue is a course of two exercises in one chapter.
const catalogue = `id: "01"
title: First
minutes: 1
rows: [1]
exercises:
  - {id: 01/1, dir: 1-a, file: a.go, title: a, minutes: 1, needs: [], rows: [1], mistakes: [{name: late, claim: TestA, hint: 3}]}
  - {id: 01/2, dir: 2-b, file: b.go, title: b, minutes: 2, needs: [], rows: [1], mistakes: []}
`

// A run is a loop under test. The test is its keyboard, its editor and its judge.
type run struct {
	t      *testing.T
	course *course.Course
	keys   chan terminal.Key
	judged chan asked // what the loop asks to be judged
	ended  chan error // what Run returned
	cancel context.CancelFunc

	mu     sync.Mutex // guards screen
	screen strings.Builder
	drawn  chan struct{} // has room for one; gets a value after each drawing
}

// asked is one judging under way.
type asked struct {
	exercise course.Exercise
	ctx      context.Context
	answer   chan course.Verdict
}

func start(t *testing.T) *run {
	t.Helper()
	root := t.TempDir()
	for path, text := range map[string]string{
		"01-first/chapter.yaml": catalogue,
		"01-first/1-a/a.go":     "package a // TODO(01/1): write it\n",
		"01-first/2-b/b.go":     "package b // TODO(01/2): write it\n",
		"01-first/1-a/HINTS.md": "<details><summary>1 Nudge: one</summary>\n\nThink.\n\n</details>\n\n" +
			"<details><summary>2 Idea: two</summary>\n\nMore.\n\n</details>\n\n" +
			"<details><summary>3 Shape: three</summary>\n\nThis.\n\n</details>\n",
		"solutions/01-first/1-a/a.go":          "package a // solved\n",
		"solutions/01-first/1-a/skeleton/a.go": "package a // TODO(01/1): write it\n",
		"solutions/01-first/2-b/skeleton/b.go": "package b // TODO(01/2): write it\n",
	} {
		file := filepath.Join(root, path)
		require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
		require.NoError(t, os.WriteFile(file, []byte(text), 0o644))
	}
	loaded, err := course.Load(root)
	require.NoError(t, err)
	progress, _, err := loaded.OpenProgress()
	require.NoError(t, err)

	ctx, cancel := context.WithCancel(context.Background())
	r := &run{
		t: t, course: loaded, cancel: cancel, keys: make(chan terminal.Key),
		judged: make(chan asked, 10), ended: make(chan error, 1), drawn: make(chan struct{}, 1),
	}
	go func() {
		r.ended <- loop.Run(ctx, loop.Config{
			Course: loaded, Progress: progress, First: loaded.Exercises()[0],
			Judge: r.judge,
			Wire: func(context.Context, course.Exercise, string) (string, error) {
				return "you → broker basic.publish\n", nil
			},
			List: func() []view.ChapterEntry { return []view.ChapterEntry{{Dir: "the whole list"}} },
			Keys: r.keys, Out: r, Style: func() terminal.Style { return terminal.Style{Width: 80} },
		})
		close(r.ended)
	}()
	t.Cleanup(func() {
		cancel()
		<-r.ended
	})
	return r
}

// judge waits for the test's answer.
func (r *run) judge(ctx context.Context, e course.Exercise, say func(string)) (course.Verdict, error) {
	say("looking closely")
	a := asked{exercise: e, ctx: ctx, answer: make(chan course.Verdict, 1)}
	r.judged <- a
	select {
	case v := <-a.answer:
		return v, nil
	case <-ctx.Done():
		return course.Verdict{}, ctx.Err()
	}
}

func (r *run) Write(text []byte) (int, error) {
	r.mu.Lock()
	r.screen.Write(text)
	r.mu.Unlock()
	select {
	case r.drawn <- struct{}{}:
	default:
	}
	return len(text), nil
}

// next returns the next judging that the loop asks for.
func (r *run) next() asked {
	r.t.Helper()
	select {
	case a := <-r.judged:
		return a
	case <-time.After(patience):
		require.Fail(r.t, "nothing was judged", r.text())
		return asked{}
	}
}

func (r *run) press(keys ...terminal.Key) {
	r.t.Helper()
	for _, key := range keys {
		select {
		case r.keys <- key:
		case <-time.After(patience):
			require.Fail(r.t, "the loop takes no key")
		}
	}
}

// shows waits until text is on the screen, and forgets what was there.
func (r *run) shows(text string) {
	r.t.Helper()
	late := time.After(patience)
	for {
		r.mu.Lock()
		_, after, ok := strings.Cut(r.screen.String(), text)
		if ok {
			r.screen.Reset()
			r.screen.WriteString(after)
		}
		r.mu.Unlock()
		if ok {
			return
		}
		select {
		case <-r.drawn:
		case <-late:
			require.Fail(r.t, "not on the screen: "+text, r.text())
		}
	}
}

func (r *run) text() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.screen.String()
}

func (r *run) save(e course.Exercise, text string) {
	r.t.Helper()
	require.NoError(r.t, os.WriteFile(e.LearnerFile(), []byte(text), 0o644))
}

func (r *run) end() error {
	r.t.Helper()
	select {
	case err := <-r.ended:
		return err
	case <-time.After(patience):
		require.Fail(r.t, "Run doesn't return")
		return nil
	}
}

// red and green are verdicts on what lies in the exercise's folder.
func red(e course.Exercise) course.Verdict {
	return course.Verdict{
		Exercise: e.ID, Kind: course.Learner, Built: true, Vetted: true, End: gotest.Ended,
		Tests: []gotest.Test{{Name: "TestA", Outcome: gotest.Fail, Text: "wrong"}},
	}
}

func untouched(e course.Exercise) course.Verdict {
	v := red(e)
	v.Tests[0].NotDone = true
	return v
}

func TestKeysShowWhatTheySay(t *testing.T) {
	t.Parallel()
	r := start(t)
	a := r.next()
	a.answer <- untouched(a.exercise)
	r.shows("Red on purpose")
	r.press('l')
	r.shows("the whole list")
	r.press('w')
	r.shows("you → broker basic.publish")
	r.press('h')
	r.shows("1 of 3  Nudge: one")
	r.press('s')
	r.shows("Show the solution?")
	r.press('y')
	r.shows("package a // solved")
	r.press('r')
	a = r.next()
	a.answer <- red(a.exercise)
	r.shows("0 of 1 · red")
	r.press('h')
	r.shows("3 of 3  Shape: three") // the rung for the test that failed
	r.press('h')
	r.shows("1 of 3  Nudge: one")
	r.shows("3 of 3")
	r.press('q')
	require.NoError(t, r.end())
}

func TestKeysAreIgnoredWhileARunIsUnderWay(t *testing.T) {
	t.Parallel()
	r := start(t)
	a := r.next()
	r.press('l', 's', 'h', 'n', 'r')
	a.answer <- red(a.exercise)
	r.shows("0 of 1 · red")
	r.shows("q quit")
	require.NotContains(t, r.text(), "the whole list")
	require.Empty(t, r.judged)
}

func TestASaveCallsOffTheJudgingAndJudgesAnew(t *testing.T) {
	t.Parallel()
	r := start(t)
	old := r.next()
	r.save(old.exercise, "package a // first\n")
	fresh := r.next()
	require.Error(t, old.ctx.Err(), "the run before was called off")
	fresh.answer <- red(fresh.exercise)
	r.shows("0 of 1 · red")
}

func TestQuitsAndInterruptsEndWhatRuns(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		end  func(r *run)
		want error
	}{
		"q":       {func(r *run) { r.press('q') }, nil},
		"Ctrl-D":  {func(r *run) { r.press(terminal.CtrlD) }, nil},
		"Ctrl-C":  {func(r *run) { r.press(terminal.CtrlC) }, loop.ErrInterrupted},
		"ctx":     {func(r *run) { r.cancel() }, context.Canceled},
		"no keys": {func(r *run) { close(r.keys) }, loop.ErrTerminalGone},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := start(t)
			a := r.next()
			c.end(r)
			require.ErrorIs(t, r.end(), c.want)
			require.Error(t, a.ctx.Err(), "the run was called off")
		})
	}
}

func TestARedExerciseIsLeftOnlyByTwoNs(t *testing.T) {
	t.Parallel()
	r := start(t)
	a := r.next()
	a.answer <- red(a.exercise)
	r.shows("q quit")
	r.press('n')
	r.shows("n once more leaves it for later")
	r.press('l', 'n') // not twice in a row
	r.shows("n once more leaves it for later")
	require.Empty(t, r.judged)
	r.press('n')
	require.Equal(t, "01/2", r.next().exercise.ID)
}

func TestTroubleWithJudgingIsShownAndTheLoopGoesOn(t *testing.T) {
	t.Parallel()
	r := start(t)
	a := r.next()
	v := red(a.exercise)
	v.Tests = nil
	a.answer <- v
	r.shows("q quit")
	r.press('w')
	r.shows("No test has run yet")
	r.press('r')
	r.next()
}

func TestAPanicInTheJudgeComesOutOfRun(t *testing.T) {
	t.Parallel()
	loaded := start(t).course // a second loop on the same course
	progress, _, err := loaded.OpenProgress()
	require.NoError(t, err)
	require.PanicsWithValue(t, "judge fell", func() {
		defer func() {
			text, _ := recover().(string)
			first, _, _ := strings.Cut(text, "\n")
			panic(first)
		}()
		_ = loop.Run(t.Context(), loop.Config{
			Course: loaded, Progress: progress, First: loaded.Exercises()[0],
			Judge: func(context.Context, course.Exercise, func(string)) (course.Verdict, error) {
				panic(errors.New("judge fell"))
			},
			Keys: make(chan terminal.Key), Out: &strings.Builder{}, Style: func() terminal.Style { return terminal.Style{} },
		})
	})
}
