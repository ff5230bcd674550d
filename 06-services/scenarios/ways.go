package scenarios

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"warren.example/06-services/config"
	"warren.example/06-services/service"
	"warren.example/06-services/shop"
	"warren.example/workshop/port"
)

// Surroundings are the servers that a shop uses.
type Surroundings struct {
	AMQP     string // "": minirabbit in the shop's process, which ends and starts with it
	Database string // "": SQLite
	Broker   Broker // nil: not the test's to break
}

var ports port.Allocator

// place returns an address on loopback that nobody else uses.
func place(t *testing.T) string {
	t.Helper()
	number, err := ports.Port(0)
	require.NoError(t, err)
	return fmt.Sprintf("127.0.0.1:%d", number)
}

// environ completes the settings.
func (in Surroundings) environ(t *testing.T, settings map[string]string) map[string]string {
	all := maps.Clone(settings)
	all["SHOP_FOLDER"] = t.TempDir()
	all["SHOP_GATEWAY_LISTEN"] = place(t)
	all["WORKSHOP_AMQP_URL"] = in.AMQP
	all["DATABASE_URL"] = in.Database
	return all
}

// OneProcess starts all services in the process of the test. They are stopped in good order when it is over, and by Restart.
func OneProcess(all []service.Definition, parts shop.Parts, hooks shop.Hooks, in Surroundings) Start {
	return func(t *testing.T, settings map[string]string) *System {
		c, err := config.Read(in.environ(t, settings))
		require.NoError(t, err)
		log := &logbook{}
		t.Cleanup(func() { log.show(t) })
		var running *shop.Shop
		s := &System{Gateway: "http://" + c.Gateway.Listen, Admin: c.Admin, Broker: in.Broker}
		start := func(t *testing.T) {
			running, err = shop.Start(shop.Options{Config: c, All: all, Parts: parts, Hooks: hooks, Log: log})
			require.NoError(t, err)
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			require.NoError(t, running.Ready(ctx))
			s.Inventory, s.Provider, s.AMQP = running.GRPC("inventory"), "http://"+running.Address("provider"), running.Broker()
		}
		stop := func() {
			ctx, cancel := context.WithTimeout(context.Background(), patience)
			defer cancel()
			require.NoError(t, running.Stop(ctx))
		}
		s.Restart = func(t *testing.T) {
			stop()
			start(t)
		}
		start(t)
		t.Cleanup(stop)
		return s
	}
}

// Processes starts each service as a process of its own. They are killed when the test is over, and by Restart. Command is the
// path of a program that does what cmd/shop does.
func Processes(command string, all []service.Definition, in Surroundings) Start {
	return func(t *testing.T, settings map[string]string) *System {
		environ := in.environ(t, settings)
		var addresses []string
		s := &System{Broker: in.Broker, AMQP: in.AMQP}
		for _, d := range all {
			http, grpc := place(t), place(t)
			_, number, _ := strings.Cut(grpc, ":")
			addresses = append(addresses, fmt.Sprintf("%s=%s/%s", d.Name, http, number))
			switch d.Name {
			case "inventory":
				s.Inventory = grpc
			case "provider":
				s.Provider = "http://" + http
			}
		}
		environ["SHOP_ADDRESSES"] = strings.Join(addresses, ",")
		c, err := config.Read(environ)
		require.NoError(t, err)
		s.Gateway, s.Admin = "http://"+c.Gateway.Listen, c.Admin
		log := &logbook{}
		t.Cleanup(func() { log.show(t) })
		var running []*exec.Cmd
		start := func(t *testing.T) {
			for _, d := range all {
				cmd := exec.Command(command, d.Name)
				cmd.Stdout, cmd.Stderr, cmd.Env = log, log, os.Environ()
				for name, value := range environ {
					cmd.Env = append(cmd.Env, name+"="+value)
				}
				require.NoError(t, cmd.Start())
				running = append(running, cmd)
			}
		}
		kill := func() {
			for _, cmd := range running {
				_ = cmd.Process.Kill() // it may have ended, which its log tells
			}
			for _, cmd := range running {
				_ = cmd.Wait() // says that it was killed
			}
			running = nil
		}
		s.Restart = func(t *testing.T) {
			kill()
			start(t)
		}
		t.Cleanup(kill)
		start(t)
		return s
	}
}

// A logbook keeps what services log, for tests that fail.
type logbook struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logbook) Write(text []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(text)
}

const shown = 8 << 10 // bytes of the logbook

func (l *logbook) show(t *testing.T) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if t.Failed() {
		text := l.text.Bytes()
		t.Logf("the services' log, its end:\n%s", text[max(0, len(text)-shown):])
	}
}

// Build builds a command, and returns its path.
func Build(t *testing.T, path string) string {
	t.Helper()
	folder := t.TempDir()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, "go", "build", "-o", folder+string(os.PathSeparator), path).CombinedOutput()
	require.NoError(t, err, "%s", out)
	files, err := os.ReadDir(folder)
	require.NoError(t, err)
	require.Len(t, files, 1)
	return folder + string(os.PathSeparator) + files[0].Name()
}
