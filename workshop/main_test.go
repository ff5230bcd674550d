package main_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/rogpeppe/go-internal/testscript"

	"warren.example/workshop/broker"
	"warren.example/workshop/broker/mini"
	"warren.example/workshop/node"
	"warren.example/workshop/node/native"
)

// program is the command as it is built for learners. The tests run it, not its packages.
var program string

// Names under which the test binary, copied into the scripts' PATH, is another program.
const (
	fakeBroker = "fakebroker" // supervises a broker that is only said to be there: the fake course's tests need none
	publisher  = "publisher"  // publishes one message, as a demo does
)

func TestMain(m *testing.M) {
	testscript.Main(builder{m}, map[string]func(){fakeBroker: superviseNothing, publisher: publish})
}

// A builder builds the command before the tests run, and removes it after them.
type builder struct{ tests *testing.M }

func (b builder) Run() int {
	folder, err := os.MkdirTemp("", "workshop-test-*")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(folder)
	program = filepath.Join(folder, "workshop")
	if runtime.GOOS == "windows" {
		program += ".exe"
	}
	build := exec.Command("go", append(append([]string{"build"}, buildFlags...), "-o", program, ".")...)
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build the command: %v\n%s", err, out)
		return 1
	}
	return b.tests.Run()
}

func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup:               setUpScript,
		Condition:           condition,
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"code":       code,
			"onlypath":   onlyPath,
			"brokerisup": brokerIsUp,
			"tapis":      tapIs,
			"page":       page,
		},
	})
}

// patience is how long a test waits for what must come. The first run under the race detector compiles Go's library.
const patience = 3 * time.Minute

// setUpScript gives a script a fake course of its own in $WORK/course, the command in PATH, and no broker.
func setUpScript(env *testscript.Env) error {
	course := filepath.Join(env.WorkDir, "course")
	if err := os.CopyFS(course, os.DirFS("testdata/course")); err != nil {
		return err
	}
	env.Cd = course
	env.Setenv("PATH", filepath.Dir(program)+string(filepath.ListSeparator)+env.Getenv("PATH"))
	env.Setenv("COURSE", course)
	root, err := filepath.Abs(repository)
	if err != nil {
		return err
	}
	env.Setenv("REPO", root)
	for _, name := range []string{
		"CI", broker.EnvBroker, broker.EnvAMQP, broker.EnvManagement, mini.EnvVersion, mini.EnvHostility, "COLUMNS", "NO_COLOR",
	} {
		env.Setenv(name, "")
	}
	env.Setenv("GOPROXY", "off") // the fake course imports nothing
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	defer free.Close()
	_, port, _ := net.SplitHostPort(free.Addr().String())
	env.Setenv("PORT", port)
	return keepCaches(env)
}

// keepCaches lets scripts, whose home is empty, use Go's caches.
func keepCaches(env *testscript.Env) error {
	for _, name := range []string{"GOCACHE", "GOMODCACHE", "GOFLAGS"} {
		out, err := exec.Command("go", "env", name).Output()
		if err != nil {
			return fmt.Errorf("go env %s: %w", name, err)
		}
		env.Setenv(name, string(trimNewline(out)))
	}
	return nil
}

func trimNewline(line []byte) []byte {
	for len(line) > 0 && (line[len(line)-1] == '\n' || line[len(line)-1] == '\r') {
		line = line[:len(line)-1]
	}
	return line
}

func condition(name string) (bool, error) {
	switch name {
	case "rabbitmq":
		return hasRabbitMQ(), nil
	case "demos":
		return hasDemos(), nil
	case "root":
		return os.Geteuid() == 0, nil
	}
	return false, fmt.Errorf("there is no condition %q", name)
}

// hasRabbitMQ tells whether a RabbitMQ is installed that the workshop would start.
func hasRabbitMQ() bool {
	_, err := native.New(native.Config{})
	return err == nil && runtime.GOOS != "windows"
}

// onlyPath leaves nothing in PATH but the command and the named programs, as far as the machine has them: onlypath go git sh.
// They are links in $WORK/bin, to which a script may add.
func onlyPath(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: onlypath PROGRAM…")
	}
	bin := ts.MkAbs(filepath.Join(ts.Getenv("WORK"), "bin"))
	ts.Check(os.Mkdir(bin, 0o755))
	ts.Check(os.Symlink(program, filepath.Join(bin, filepath.Base(program))))
	for _, name := range args {
		if found, err := exec.LookPath(name); err == nil {
			ts.Check(os.Symlink(found, filepath.Join(bin, name)))
		}
	}
	ts.Setenv("PATH", bin)
}

// code runs a command and compares its exit code: code 2 workshop chek.
func code(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: code N program [args...]")
	}
	err := ts.Exec(args[1], args[2:]...)
	got := 0
	if exit, ok := err.(*exec.ExitError); ok {
		got = exit.ExitCode()
	} else if err != nil {
		ts.Fatalf("%v", err)
	}
	if fmt.Sprint(got) != args[0] {
		ts.Fatalf("exit code %d, want %s", got, args[0])
	}
}

// brokerIsUp waits until the supervisor that the script started in the background serves.
func brokerIsUp(ts *testscript.TestScript, _ bool, _ []string) {
	state := filepath.Join(ts.Getenv("COURSE"), ".workshop", "up.json")
	await(ts, func() error {
		_, err := os.Stat(state)
		return err
	})
}

// tapIs waits until a broker answers through the tap that listens at an address.
func tapIs(ts *testscript.TestScript, _ bool, args []string) {
	await(ts, func() error {
		_, err := broker.Probe(context.Background(), "amqp://guest:guest@"+args[0]+"/")
		return err
	})
}

// await asks again and again until there is no error.
func await(ts *testscript.TestScript, ask func() error) {
	again := time.NewTicker(10 * time.Millisecond)
	defer again.Stop()
	late := time.After(patience)
	for {
		err := ask()
		if err == nil {
			return
		}
		select {
		case <-again.C:
		case <-late:
			ts.Fatalf("%v", err)
		}
	}
}

// superviseNothing serves leases of a broker that nobody runs, until `down`.
func superviseNothing() {
	if err := node.Supervise(context.Background(), node.Config{Source: nothing{}}); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// publish publishes one message to a queue of its own on the broker that demos use.
func publish() {
	if err := publishOne(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println("published")
}

func publishOne(ctx context.Context) error {
	url, err := broker.URL(ctx)
	if err != nil {
		return err
	}
	conn, err := amqp.Dial(url)
	if err != nil {
		return err
	}
	defer conn.Close()
	ch, err := conn.Channel()
	if err != nil {
		return err
	}
	queue, err := ch.QueueDeclare("", false, true, true, false, nil)
	if err != nil {
		return err
	}
	return ch.PublishWithContext(ctx, "", queue.Name, false, false, amqp.Publishing{Body: []byte("order-7")})
}

// nothing is a source and a lease of a broker that is only said to be there.
type nothing struct{}

func (nothing) Name() string            { return "RabbitMQ 4.9.9 (fake)" }
func (nothing) Version() string         { return "4.9.9" }
func (nothing) Has(broker.Ability) bool { return false }
func (nothing) Close() error            { return nil }
func (nothing) Release() error          { return nil }
func (nothing) Nodes() []broker.Node    { return []broker.Node{fakeNode{}} }
func (nothing) Lease(context.Context, broker.Request) (broker.Lease, error) {
	return nothing{}, nil
}

// fakeNode has addresses at which nothing listens. Nobody may do anything to it.
type fakeNode struct{ broker.Node }

func (fakeNode) Info() broker.Info {
	return broker.Info{
		Name: "fake@localhost", Version: "4.9.9",
		AMQP: "amqp://guest:guest@127.0.0.1:1/", Management: "http://guest:guest@127.0.0.1:2",
	}
}
