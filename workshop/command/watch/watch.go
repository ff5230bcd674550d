// Package watch tells when the Go files of one folder were saved. It does not read them.
//
//	file events ──► wait for 60 ms of quiet ──┐
//	                                          ├──► look at size, time and identity of all files ──► other than before? ──► Saved
//	every second (without events: 300 ms) ────┘
//
// Editors save in many ways: write in place, write beside and rename, move away and write anew. So a folder is watched,
// not a file, and an event only says "look". Looking now and then without an event is cheap, and finds what events miss:
// they don't come from Windows editors under WSL, from many network drives, or when the system has no watches left.
package watch

import (
	"context"
	"sync"
	"time"

	"github.com/fsnotify/fsnotify"
)

// Config says what to watch.
type Config struct {
	Folder string
	// Poll only looks now and then, as if there were no file events.
	Poll bool
	// Quiet is how long nothing may happen before a save counts as finished. 0 means 60 ms.
	Quiet time.Duration
	// Slow is the pause between two looks while events come, Fast while they don't. 0 means 1 s and 300 ms.
	Slow, Fast time.Duration
	// Note is told, at most once, when saves are found without file events, and why. It may be nil.
	Note func(string)
}

func (c *Config) setDefaults() {
	if c.Quiet == 0 {
		c.Quiet = 60 * time.Millisecond
	}
	if c.Slow == 0 {
		c.Slow = time.Second
	}
	if c.Fast == 0 {
		c.Fast = 300 * time.Millisecond
	}
	if c.Note == nil {
		c.Note = func(string) {}
	}
}

// A Watcher watches one folder until Close.
type Watcher struct {
	config Config
	saved  chan struct{}
	cancel context.CancelFunc
	done   sync.WaitGroup
}

// Start begins to watch. What lies in the folder now counts as seen. It never fails: without file events it polls, and a
// folder that is missing is one without files.
func Start(config Config) *Watcher {
	config.setDefaults()
	ctx, cancel := context.WithCancel(context.Background())
	w := &Watcher{config: config, saved: make(chan struct{}, 1), cancel: cancel}
	events := w.openEvents()
	seen := look(config.Folder)
	w.done.Add(1)
	go func() {
		defer w.done.Done()
		w.run(ctx, events, seen)
	}()
	return w
}

// Saved gets a value after files were saved, created or deleted. Saves that follow one another before the value is taken
// are one.
func (w *Watcher) Saved() <-chan struct{} { return w.saved }

// Close ends the watching and waits until it has ended. Safe to call twice.
func (w *Watcher) Close() error {
	w.cancel()
	w.done.Wait()
	return nil
}

// openEvents returns nil when there are no file events.
func (w *Watcher) openEvents() *fsnotify.Watcher {
	if w.config.Poll {
		w.config.Note("I look for saves every " + w.config.Fast.String() + ", as asked.")
		return nil
	}
	events, err := fsnotify.NewWatcher()
	if err == nil {
		if err = events.Add(w.config.Folder); err == nil {
			return events
		}
		events.Close()
	}
	w.config.Note("No file events here (" + err.Error() + "): I look for saves every " + w.config.Fast.String() + ".")
	return nil
}

func (w *Watcher) run(ctx context.Context, events *fsnotify.Watcher, seen snapshot) {
	pause := w.config.Fast
	var happened <-chan fsnotify.Event
	var failed <-chan error
	if events != nil {
		defer events.Close()
		happened, failed, pause = events.Events, events.Errors, w.config.Slow
	}
	looks := time.NewTicker(pause)
	defer looks.Stop()
	quiet := time.NewTimer(0)
	<-quiet.C

	waiting := false // an event came, and the quiet after it is not over
	missed := 0      // saves since the last event
	for {
		select {
		case <-ctx.Done():
			return
		case <-happened:
			waiting, missed = true, 0
			quiet.Reset(w.config.Quiet)
			continue
		case <-quiet.C:
			waiting = false
			w.report(&seen)
		case <-failed: // such as an overflow of events
			w.report(&seen)
		case <-looks.C:
			if waiting || !w.report(&seen) {
				continue
			}
			// The event of one save may still be on its way. That of the one before is not.
			if missed++; happened != nil && missed == 2 {
				happened = nil
				looks.Reset(w.config.Fast)
				w.config.Note("File events don't arrive here: I look for saves every " + w.config.Fast.String() + ".")
			}
		}
	}
}

// report looks at the folder, and says on Saved if it is other than it was seen.
func (w *Watcher) report(seen *snapshot) bool {
	now := look(w.config.Folder)
	if now.equal(*seen) {
		return false
	}
	*seen = now
	select {
	case w.saved <- struct{}{}:
	default: // the one before was not taken yet
	}
	return true
}
