// Package loop is the learner's loop: judge, show, wait for a save or a key. It judges nothing itself, and it neither opens
// the terminal nor closes it.
//
//	keys ───────┐
//	saves ──────┼──► Run, one goroutine ──► screen
//	verdicts ◄──┘         │    ▲
//	                      ▼    │
//	                judging, at most one at a time
package loop

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"time"

	"warren.example/workshop/command/terminal"
	"warren.example/workshop/command/view"
	"warren.example/workshop/command/watch"
	"warren.example/workshop/course"
)

// The errors that Run returns besides that of its context.
var (
	ErrInterrupted  = errors.New("interrupted") // by Ctrl-C
	ErrTerminalGone = errors.New("the terminal is gone")
)

// Config says what the loop works with. All fields are needed unless they say otherwise.
type Config struct {
	Course   *course.Course
	Progress *course.Progress
	First    course.Exercise // where to begin
	// Judge judges what lies in the exercise's folder, and may say what it does. It returns soon after ctx has ended.
	Judge func(ctx context.Context, e course.Exercise, say func(what string)) (course.Verdict, error)
	// Wire runs one test and returns what went over the wire.
	Wire func(ctx context.Context, e course.Exercise, test string) (string, error)
	// List returns all exercises with what is done of them.
	List func() []view.ChapterEntry

	Keys    <-chan terminal.Key   // of a terminal in raw mode
	Out     io.Writer             // that terminal
	Style   func() terminal.Style // asked before each drawing, since windows change their size
	Suspend func() error          // what Ctrl-Z does; nil: nothing
	Poll    bool                  // look for saves without file events
}

// A loop is what Run knows. Only Run's goroutine touches it.
type loop struct {
	Config
	exercise course.Exercise
	watcher  *watch.Watcher
	notes    chan string // of the watcher

	verdict  *course.Verdict // the last one on the exercise; nil before the first
	trouble  error           // why there is no verdict
	panel    string          // what a key asked for, below the verdict
	note     string          // one line about the loop itself
	question func(yes bool)  // what the next key answers; nil when nothing was asked
	mayClear bool            // a verdict was drawn: what stands above it may go

	job   *job // what runs now; nil when nothing does
	again bool // saved while a job ran: judge anew when it has ended
	skips bool // n was pressed on a red exercise: once more skips it
}

// A job is a judging, or the drawing of the wire, under way.
type job struct {
	what   string
	began  time.Time
	cancel context.CancelFunc
	said   chan string // what it does now
	done   chan func() // gets, once, what to do on Run's goroutine with the outcome
}

// Run works on one exercise after the other until q (nil), Ctrl-C (ErrInterrupted) or ctx's end (its error). What it started
// has ended when it returns.
func Run(ctx context.Context, config Config) error {
	l := &loop{Config: config, notes: make(chan string, 1)}
	defer l.close()
	l.turnTo(l.First)
	seconds := time.NewTicker(time.Second)
	defer seconds.Stop()
	for {
		var done chan func()
		var said chan string
		if l.job != nil {
			done, said = l.job.done, l.job.said
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case key, ok := <-l.Keys:
			switch {
			case !ok:
				return ErrTerminalGone
			case key == terminal.CtrlC:
				return ErrInterrupted
			case key == 'q' && l.question == nil, key == terminal.CtrlD:
				return nil
			}
			l.press(key)
		case <-l.watcher.Saved():
			l.saved()
		case l.note = <-l.notes:
			l.draw()
		case finish := <-done:
			l.job = nil
			finish()
		case l.job.what = <-said:
			l.drawStatus()
		case <-seconds.C:
			l.drawStatus()
		}
	}
}

// close ends what runs, and waits for it.
func (l *loop) close() {
	if l.job != nil {
		l.job.cancel()
		<-l.job.done
	}
	if l.watcher != nil {
		l.watcher.Close()
	}
	fmt.Fprintln(l.Out)
}

// turnTo begins another exercise.
func (l *loop) turnTo(e course.Exercise) {
	if l.watcher != nil {
		l.watcher.Close()
	}
	l.exercise = e
	l.verdict, l.trouble, l.panel, l.note, l.skips = nil, nil, "", "", false
	l.watcher = watch.Start(watch.Config{
		Folder: e.Folder(), Poll: l.Poll,
		Note: func(note string) {
			select {
			case l.notes <- note:
			default:
			}
		},
	})
	l.judge()
}

// saved judges anew. A judging under way is of a file that is not there any more: it is called off.
func (l *loop) saved() {
	l.panel, l.question, l.skips = "", nil, false
	if l.job != nil {
		l.again = true
		l.job.cancel()
		return
	}
	l.judge()
}

func (l *loop) judge() {
	e := l.exercise
	l.start("judging "+e.File, func(ctx context.Context, say func(string)) func() {
		verdict, err := l.Judge(ctx, e, say)
		return func() { l.judged(verdict, err) }
	})
}

// start runs work beside the loop. What work returns is done on the loop's goroutine, unless the work was called off.
func (l *loop) start(what string, work work) {
	ctx, cancel := context.WithCancel(context.Background())
	j := &job{what: what, began: time.Now(), cancel: cancel, said: make(chan string, 1), done: make(chan func(), 1)}
	l.job = j
	l.draw()
	go func() {
		finish := work.do(ctx, func(what string) {
			select {
			case j.said <- what:
			default: // the one before wasn't shown yet: the next second shows no more
			}
		})
		j.done <- func() {
			cancel()
			if l.again {
				l.again = false
				l.judge()
				return
			}
			finish()
			l.draw()
		}
	}()
}

// work is done beside the loop. It returns what is to be done on the loop's goroutine then.
type work func(ctx context.Context, say func(what string)) (finish func())

// do does the work. A panic in it is raised again on the loop's goroutine, where the terminal's mode is restored.
func (w work) do(ctx context.Context, say func(string)) (finish func()) {
	defer func() {
		if reason := recover(); reason != nil {
			stack := debug.Stack()
			finish = func() { panic(fmt.Sprintf("%v\n%s", reason, stack)) }
		}
	}()
	return w(ctx, say)
}

func (l *loop) judged(v course.Verdict, err error) {
	if err != nil {
		l.trouble = err
		return
	}
	wasGreen := l.verdict != nil && l.verdict.Passed
	l.verdict, l.trouble = &v, l.Progress.Record(v)
	if chapter, ok := l.Course.Chapter(l.exercise.Chapter); ok && v.Passed && !wasGreen && l.isFinished(chapter) {
		l.panel = view.Finished(l.Style(), chapter)
	}
}

func (l *loop) isFinished(chapter course.Chapter) bool {
	_, open := l.Progress.Open(chapter.Exercises)
	return !open
}
