package terminal

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"sync"

	"golang.org/x/term"
)

// A Keyboard gives single keys of a terminal, without Enter and without showing them.
//
// The terminal is in raw mode until Close: it prints "\n" as it is, so what is written meanwhile must go through Output,
// and Ctrl-C is a key like others.
type Keyboard struct {
	in   *os.File
	keys chan Key

	mu    sync.Mutex  // guards saved
	saved *term.State // the terminal's mode before; nil once it is restored
}

// OpenKeyboard puts the terminal into raw mode. The error says what to do when in is no terminal.
func OpenKeyboard(in *os.File) (*Keyboard, error) {
	saved, err := term.MakeRaw(int(in.Fd()))
	if err != nil {
		return nil, fmt.Errorf("read single keys (stdin must be a terminal): %w", err)
	}
	k := &Keyboard{in: in, keys: make(chan Key), saved: saved}
	go k.read()
	return k, nil
}

// Keys returns the channel on which keys come. It is closed when the terminal is gone.
func (k *Keyboard) Keys() <-chan Key { return k.keys }

// Close restores the terminal's mode. Safe to call twice, and from any goroutine. The goroutine that waits for the next
// key can't be woken in a way that works everywhere: it ends with the process.
func (k *Keyboard) Close() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.saved == nil {
		return nil
	}
	saved := k.saved
	k.saved = nil
	return term.Restore(int(k.in.Fd()), saved)
}

// Suspend restores the terminal's mode, stops the whole job as Ctrl-Z does elsewhere, and returns in raw mode when the
// shell has brought it back. Where there are no jobs it does nothing.
func (k *Keyboard) Suspend() error {
	if !canSuspend {
		return nil
	}
	if err := k.Close(); err != nil {
		return err
	}
	suspendJob()
	saved, err := term.MakeRaw(int(k.in.Fd()))
	if err != nil {
		return fmt.Errorf("read single keys again: %w", err)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.saved = saved
	return nil
}

func (k *Keyboard) read() {
	defer close(k.keys)
	buffer := make([]byte, 256)
	for {
		n, err := k.in.Read(buffer)
		for _, key := range Decode(buffer[:n]) {
			k.keys <- key
		}
		if err != nil {
			return
		}
	}
}

// Output returns a writer for a terminal in raw mode: each "\n" goes out as "\r\n".
func Output(out io.Writer) io.Writer { return rawWriter{out} }

type rawWriter struct{ out io.Writer }

func (w rawWriter) Write(text []byte) (int, error) {
	if _, err := w.out.Write(bytes.ReplaceAll(text, []byte("\n"), []byte("\r\n"))); err != nil {
		return 0, err
	}
	return len(text), nil
}
