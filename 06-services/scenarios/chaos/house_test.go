package chaos

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	system "warren.example/06-services"
	"warren.example/06-services/scenarios"
	"warren.example/06-services/shop"
	"warren.example/workshop/minirabbit"
	"warren.example/workshop/port"
)

// envService names the service that this program is, if it isn't the test.
const envService = "CHAOS_SERVICE"

// TestMain runs the tests, or a service: so the services are built with the test's own flags, such as -race.
func TestMain(m *testing.M) {
	name := os.Getenv(envService)
	if name == "" {
		os.Exit(m.Run())
	}
	go func() { // the test's end is the service's end, whatever kills the test
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(1)
	}()
	os.Args = []string{"shop", name}
	parts, hooks := careless(os.Getenv(envCareless))
	os.Exit(shop.Main(system.Services(), parts, hooks))
}

// A house is a shop of one process per service.
type house struct {
	folder    string
	environ   map[string]string
	broker    *minirabbit.Server
	breaking  sync.Mutex        // of the broker: one at a time
	addresses map[string]string // HTTP, by service
	inventory string            // its gRPC

	mu        sync.Mutex
	processes map[string]*process
	closed    bool

	sold    map[string]sale // by order: all that were ever accepted
	stocked map[string]int  // by SKU
	boss    *person         // once logged in
	runs    int

	patience time.Duration // until it must be at rest
}

// A process is a service that runs, or ran.
type process struct {
	cmd     *exec.Cmd
	died    chan struct{} // closed when it has
	errs    error         // why; once died is closed
	doomed  bool          // it is to die
	removed bool          // it was killed by the test
}

var ports port.Allocator

// build starts a shop that ends with the test. extra are further settings.
func build(t *testing.T, extra map[string]string) *house {
	h := &house{folder: t.TempDir(), broker: minirabbit.Run(t), environ: scenarios.Impatient(), addresses: map[string]string{},
		processes: map[string]*process{}, sold: map[string]sale{}, stocked: map[string]int{}, patience: runTime}
	var addresses []string
	for _, d := range system.Services() {
		first, err := ports.Port(0)
		require.NoError(t, err)
		second, err := ports.Port(0)
		require.NoError(t, err)
		h.addresses[d.Name] = fmt.Sprintf("http://127.0.0.1:%d", first)
		addresses = append(addresses, fmt.Sprintf("%s=127.0.0.1:%d/%d", d.Name, first, second))
		if d.Name == "inventory" {
			h.inventory = fmt.Sprintf("127.0.0.1:%d", second)
		}
	}
	h.environ["SHOP_FOLDER"] = h.folder
	h.environ["WORKSHOP_AMQP_URL"] = h.broker.URL()
	h.environ["SHOP_ADDRESSES"] = strings.Join(addresses, ",")
	h.environ["SHOP_GATEWAY_LISTEN"] = strings.TrimPrefix(h.addresses["gateway"], "http://")
	h.environ["SHOP_CONFIRM"] = "500ms" // so what a dead relay has claimed comes free after a second
	maps.Copy(h.environ, extra)
	t.Cleanup(func() { h.close(t) })
	for _, d := range system.Services() {
		require.NoError(t, h.start(d.Name))
	}
	return h
}

// start starts a service with some more settings, each "NAME=value".
func (h *house) start(name string, settings ...string) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return nil
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	log, err := os.OpenFile(h.log(name), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close() // the process has its own
	p := &process{cmd: exec.Command(self), died: make(chan struct{}), doomed: len(settings) > 0}
	p.cmd.Env = append(os.Environ(), envService+"="+name)
	for key, value := range h.environ {
		p.cmd.Env = append(p.cmd.Env, key+"="+value)
	}
	p.cmd.Env = append(p.cmd.Env, settings...)
	p.cmd.Stdout, p.cmd.Stderr = log, log
	if _, err := p.cmd.StdinPipe(); err != nil {
		return err
	}
	if err := p.cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w", name, err)
	}
	h.processes[name] = p
	go func() {
		p.errs = p.cmd.Wait()
		close(p.died)
	}()
	return nil
}

// process returns the newest process of a service.
func (h *house) process(name string) *process {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.processes[name]
}

// kill kills a service, and returns when it is dead.
func (h *house) kill(name string) {
	h.mu.Lock()
	p := h.processes[name]
	p.removed = true
	h.mu.Unlock()
	_ = p.cmd.Process.Kill() // it may be dead already
	<-p.died
}

// dead returns services that have died, and nobody knows why.
func (h *house) dead() (found []string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, name := range slices.Sorted(maps.Keys(h.processes)) {
		p := h.processes[name]
		select {
		case <-p.died:
			if !p.removed && !p.doomed {
				found = append(found, fmt.Sprintf("%s has died: %v", name, p.errs))
			}
		default:
		}
	}
	return found
}

func (h *house) close(t *testing.T) {
	h.mu.Lock()
	h.closed = true
	h.mu.Unlock()
	for name := range h.processes {
		h.kill(name)
	}
	if t.Failed() {
		h.showLogs(t)
	}
}

func (h *house) log(name string) string { return filepath.Join(h.folder, name+".log") }

// shown is how many lines of each log are shown.
const shown = 25

func (h *house) showLogs(t *testing.T) {
	for _, name := range slices.Sorted(maps.Keys(h.processes)) {
		text, err := os.ReadFile(h.log(name))
		if err != nil || len(text) == 0 {
			continue
		}
		lines := bytes.Split(bytes.TrimSpace(text), []byte("\n"))
		t.Logf("%s:\n%s", name, bytes.Join(lines[max(0, len(lines)-shown):], []byte("\n")))
	}
}

// await asks every moment until done is true. It returns an error if ctx ends before.
func await(ctx context.Context, every time.Duration, done func() bool) error {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for !done() {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}
