package broker

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"warren.example/workshop/scratch"
)

// State is the content of the state file, up.json in the scratch folder: how to reach the supervisor that `workshop up`
// started. The file is readable for its owner only, since who has the token can stop brokers.
type State struct {
	PID        int       `json:"pid"`
	Host       string    `json:"host"`    // the machine's name; elsewhere the address leads to somebody else
	Address    string    `json:"address"` // "127.0.0.1:43210"
	Token      string    `json:"token"`
	Source     string    `json:"source"`     // Source.Name
	AMQP       string    `json:"amqp"`       // of the shared broker
	Management string    `json:"management"` // of the shared broker
	Started    time.Time `json:"started"`
}

// StateFile returns the path of the state file.
func StateFile() (string, error) {
	folder, err := scratch.Dir()
	if err != nil {
		return "", err
	}
	return filepath.Join(folder, "up.json"), nil
}

// ReadState reads the state file. The error is ErrNone when there is none; of a file that makes no sense it says what to
// do. That there is one does not mean that the
// supervisor still lives: see Up.
func ReadState() (State, error) {
	file, err := StateFile()
	if err != nil {
		return State{}, err
	}
	raw, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return State{}, ErrNone
	}
	if err != nil {
		return State{}, fmt.Errorf("read the state of `workshop up`: %w", err)
	}
	var s State
	err = json.Unmarshal(raw, &s)
	if err == nil {
		err = s.check()
	}
	if err != nil {
		return State{}, fmt.Errorf("read the state of `workshop up`: %s: %w (delete the file, then type `go run ./workshop up`)",
			file, err)
	}
	return s, nil
}

// check reports an address at which nobody can be asked, whoever wrote it.
func (s State) check() error {
	_, port, err := net.SplitHostPort(s.Address)
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	if err == nil {
		_, err = url.Parse("http://" + s.Address)
	}
	if err != nil {
		return fmt.Errorf("its address %q is of no use: %w", s.Address, err)
	}
	return nil
}

// Write stores s in the state file, at once: a reader sees the old file or the new one.
func (s State) Write() error {
	file, err := StateFile()
	if err != nil {
		return err
	}
	raw, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return fmt.Errorf("write the state of `workshop up`: %w", err)
	}
	draft, err := os.CreateTemp(filepath.Dir(file), "up-*.json") // with mode 0600
	if err != nil {
		return fmt.Errorf("write the state of `workshop up`: %w", err)
	}
	_, err = draft.Write(append(raw, '\n'))
	if err = errors.Join(err, draft.Close()); err == nil {
		err = os.Rename(draft.Name(), file)
	}
	if err != nil {
		return fmt.Errorf("write the state of `workshop up`: %w", errors.Join(err, os.Remove(draft.Name())))
	}
	return nil
}

// IsCurrent reports whether the state file holds s. It does not when it was deleted or written by another supervisor.
func (s State) IsCurrent() bool {
	now, err := ReadState()
	return err == nil && now.Token == s.Token
}

// Remove deletes the state file if it still holds s. That it is gone is no error.
func (s State) Remove() error {
	if !s.IsCurrent() {
		return nil
	}
	file, err := StateFile()
	if err != nil {
		return err
	}
	if err := os.Remove(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove the state of `workshop up`: %w", err)
	}
	return nil
}
