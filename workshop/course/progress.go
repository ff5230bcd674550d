package course

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"warren.example/workshop/scratch"
)

// lockPatience is how long others may hold the lock of progress.json before that counts as a failure.
const lockPatience = 30 * time.Second

// progressVersion is the version of the form of progress.json.
const progressVersion = 1

// Progress is what a learner has done, kept in the scratch folder as progress.json. Several processes may use it at once.
type Progress struct {
	file string

	mu   sync.Mutex // guards data, and what is done with the file
	data progressFile
}

type progressFile struct {
	Version   int                       `json:"version"`
	Exercises map[string]exerciseRecord `json:"exercises"` // by id: "01/1"
}

type exerciseRecord struct {
	// Passed holds when a content passed: hash of the learner's file and the tests → name of the broker → time.
	Passed map[string]map[string]time.Time `json:"passed,omitempty"`
	// Hints is the number of rungs that were shown.
	Hints int `json:"hints,omitempty"`
}

// OpenProgress reads the progress of the course. A file that makes no sense is set aside, and the note says where; else
// the note is "".
func (c *Course) OpenProgress() (p *Progress, note string, err error) {
	p = &Progress{file: filepath.Join(c.Scratch, "progress.json")}
	p.data, err = readProgress(p.file)
	if err == nil {
		return p, "", nil
	}
	var garbage *garbageError
	if !errors.As(err, &garbage) {
		return nil, "", err
	}
	aside, err := setAside(p.file)
	if err != nil {
		return nil, "", fmt.Errorf("set a broken progress.json aside: %w", err)
	}
	p.data = progressFile{}
	return p, fmt.Sprintf("%v. It is now %s, and progress begins anew: what you solved counts again once `check` has seen it.",
		garbage, aside), nil
}

// setAside gives a file another name, made of the time, that no other file has, and returns it. Two in one second get names
// of their own, and so do those of two processes.
func setAside(file string) (aside string, err error) {
	stamp := fmt.Sprintf("%s.broken-%s", file, time.Now().Format(timeStamp))
	for n := 1; ; n++ {
		aside = stamp
		if n > 1 {
			aside = fmt.Sprintf("%s-%d", stamp, n)
		}
		taken, err := os.OpenFile(aside, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644) // so that nobody else takes the name
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		if err != nil {
			return "", err
		}
		if err := errors.Join(taken.Close(), os.Rename(file, aside)); err != nil {
			return "", errors.Join(err, os.Remove(aside))
		}
		return aside, nil
	}
}

// garbageError says that progress.json is there, but makes no sense.
type garbageError struct {
	file string
	err  error
}

func (e *garbageError) Error() string { return fmt.Sprintf("%s could not be read: %v", e.file, e.err) }

func readProgress(file string) (progressFile, error) {
	content, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return progressFile{}, nil
	}
	if err != nil {
		return progressFile{}, fmt.Errorf("read progress: %w", err)
	}
	var data progressFile
	if err := json.Unmarshal(content, &data); err != nil {
		return progressFile{}, &garbageError{file, err}
	}
	if data.Version != progressVersion {
		return progressFile{}, &garbageError{file, fmt.Errorf("it has version %d, known is %d", data.Version, progressVersion)}
	}
	return data, nil
}

// Record remembers a verdict on the learner's file: a content that passed counts as done on its broker, and no longer
// when it fails there. Verdicts on other variants, and on files that were saved while they were judged, change nothing.
func (p *Progress) Record(v Verdict) error {
	if v.Kind != Learner || v.Content == "" {
		return nil
	}
	return p.change(v.Exercise, func(r *exerciseRecord) {
		if !v.Passed {
			delete(r.Passed[v.Content], v.Broker)
			return
		}
		if r.Passed == nil {
			r.Passed = map[string]map[string]time.Time{}
		}
		if r.Passed[v.Content] == nil {
			r.Passed[v.Content] = map[string]time.Time{}
		}
		r.Passed[v.Content][v.Broker] = time.Now().UTC().Truncate(time.Second)
	})
}

// Done reports whether the file that lies in the exercise's folder now has passed, on any broker.
func (p *Progress) Done(e Exercise) bool { return len(p.passed(e)) > 0 }

// DoneOn returns the names of the brokers on which the present file has passed, sorted.
func (p *Progress) DoneOn(e Exercise) []string { return sortedNames(p.passed(e)) }

func (p *Progress) passed(e Exercise) map[string]time.Time {
	content, err := Variant{Exercise: e, Kind: Learner}.content()
	if err != nil {
		return nil // a file that isn't there isn't done
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.data.Exercises[e.ID].Passed[content]
}

// Open returns the first exercise that is not done, and whether there is one.
func (p *Progress) Open(exercises []Exercise) (Exercise, bool) {
	for _, e := range exercises {
		if !p.Done(e) {
			return e, true
		}
	}
	return Exercise{}, false
}

// HintsShown returns how many rungs of the exercise's ladder the learner has seen.
func (p *Progress) HintsShown(e Exercise) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.data.Exercises[e.ID].Hints
}

// OpenAfter returns the first exercise after id that is not done, beginning anew after the last one; never id itself. ok is
// false when there is none.
func (p *Progress) OpenAfter(exercises []Exercise, id string) (e Exercise, ok bool) {
	at := slices.IndexFunc(exercises, func(e Exercise) bool { return e.ID == id })
	if at < 0 {
		return p.Open(exercises)
	}
	return p.Open(slices.Concat(exercises[at+1:], exercises[:at]))
}

// ShowHint remembers that the learner has seen the ladder up to and with this rung.
func (p *Progress) ShowHint(e Exercise, rung int) error {
	return p.change(e.ID, func(r *exerciseRecord) { r.Hints = max(r.Hints, rung) })
}

// HideHints forgets which hints were shown.
func (p *Progress) HideHints(e Exercise) error {
	return p.change(e.ID, func(r *exerciseRecord) { r.Hints = 0 })
}

// change changes an exercise's record in the file. What another process has written meanwhile is kept.
func (p *Progress) change(id string, how func(*exerciseRecord)) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := os.MkdirAll(filepath.Dir(p.file), 0o755); err != nil {
		return fmt.Errorf("remember progress of %s: %w", id, err)
	}
	// Another process holds the lock only while it reads and writes a small file.
	ctx, cancel := context.WithTimeout(context.Background(), lockPatience)
	defer cancel()
	held, err := scratch.LockWait(ctx, p.file+".lock")
	if err != nil {
		return fmt.Errorf("remember progress of %s: %w", id, err)
	}
	defer held.Unlock()
	if data, err := readProgress(p.file); err == nil {
		p.data = data
	}
	p.data.Version = progressVersion
	if p.data.Exercises == nil {
		p.data.Exercises = map[string]exerciseRecord{}
	}
	record := p.data.Exercises[id]
	how(&record)
	p.data.Exercises[id] = record
	content, err := json.MarshalIndent(p.data, "", "\t")
	if err == nil {
		err = writeFile(p.file, append(content, '\n'), 0o644)
	}
	if err != nil {
		return fmt.Errorf("remember progress of %s: %w", id, err)
	}
	return nil
}
