package bench_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"warren.example/workshop/broker"
	"warren.example/workshop/scratch"
)

// The floor is a package whose test uses the client and nothing of the workshop: it dials a port at which nobody listens.
const (
	floorModule = `module floor.example

go 1.25.0

require github.com/rabbitmq/amqp091-go v1.16.0
`
	floorTest = `package floor

import (
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"
)

func TestFloor(t *testing.T) {
	if _, err := amqp.Dial("amqp://127.0.0.1:1"); err == nil {
		t.Fatal("nobody listens at port 1")
	}
}
`
)

// BenchmarkEditToVerdict edits one line, runs go test and waits for the verdict: for the first exercise's solution on
// minirabbit, and for the floor, in turn. It reports both in seconds and their ratio.
func BenchmarkEditToVerdict(b *testing.B) {
	root, err := scratch.Root()
	require.NoError(b, err)
	exercise := newExercise(b, root)
	floor := newFloor(b, root)
	exercise.verdict(b, "warm") // fills the build cache for both
	floor.verdict(b, "warm")

	var spent, least time.Duration
	b.ResetTimer()
	for i := range b.N {
		spent += exercise.verdict(b, fmt.Sprintf("%d %d", os.Getpid(), i))
		least += floor.verdict(b, fmt.Sprintf("%d %d", os.Getpid(), i))
	}
	b.ReportMetric(spent.Seconds()/float64(b.N), "s/verdict")
	b.ReportMetric(least.Seconds()/float64(b.N), "s/floor")
	b.ReportMetric(spent.Seconds()/least.Seconds(), "x-floor")
}

// A benchmark against a floor that doesn't build, or that the go command skips as unchanged, would mean nothing.
func TestTheFloorPassesAfterEachEdit(t *testing.T) {
	t.Parallel()
	root, err := scratch.Root()
	require.NoError(t, err)
	floor := newFloor(t, root)
	require.Positive(t, floor.verdict(t, "first"))
	require.Positive(t, floor.verdict(t, "second"))
	floor.text += "\nfunc TestRed(t *testing.T) { t.Fatal(edit) }\n"
	out, err := floor.run(t, "third")
	require.Error(t, err)
	require.Contains(t, out, "third")
}

// An edited is a package of which one file changes before each run.
type edited struct {
	dir  string   // where go test runs
	file string   // the file that changes
	text string   // its content, without the changing line
	args []string // of go test
}

// newExercise swaps the solution of 01/1 for the learner's file by an overlay, so that nothing in the checkout changes.
func newExercise(b testing.TB, root string) *edited {
	b.Helper()
	text, err := os.ReadFile(filepath.Join(root, "solutions", "01-basics", "1-hello", "hello.go"))
	require.NoError(b, err)
	dir := filepath.Join(root, "01-basics", "1-hello")
	file := filepath.Join(b.TempDir(), "hello.go")
	overlay := filepath.Join(b.TempDir(), "overlay.json")
	replace := fmt.Sprintf(`{"Replace": {%q: %q}}`, filepath.Join(dir, "hello.go"), file)
	require.NoError(b, os.WriteFile(overlay, []byte(replace), 0o600))
	return &edited{dir: dir, file: file, text: string(text), args: []string{"-overlay", overlay, "."}}
}

// newFloor writes the floor's module. It takes the checksums of chapter 01, so that nothing is fetched.
func newFloor(b testing.TB, root string) *edited {
	b.Helper()
	dir := b.TempDir()
	sums, err := os.ReadFile(filepath.Join(root, "01-basics", "go.sum"))
	require.NoError(b, err)
	require.NoError(b, os.WriteFile(filepath.Join(dir, "go.sum"), sums, 0o600))
	require.NoError(b, os.WriteFile(filepath.Join(dir, "go.mod"), []byte(floorModule), 0o600))
	return &edited{dir: dir, file: filepath.Join(dir, "floor_test.go"), text: floorTest, args: []string{"."}}
}

// verdict runs the tests after an edit and returns how long that took. They must pass.
func (e *edited) verdict(b testing.TB, edit string) time.Duration {
	b.Helper()
	began := time.Now()
	out, err := e.run(b, edit)
	spent := time.Since(began)
	require.NoError(b, err, "%s", out)
	return spent
}

// run writes the file with another last line and runs go test. The line is a variable: a comment would not change the
// compiled package, and nothing would be linked again.
func (e *edited) run(b testing.TB, edit string) (output string, err error) {
	b.Helper()
	text := fmt.Sprintf("%s\nvar edit = %q\n", e.text, edit)
	require.NoError(b, os.WriteFile(e.file, []byte(text), 0o600))
	cmd := exec.Command("go", append([]string{"test", "-count=1"}, e.args...)...)
	cmd.Dir = e.dir
	cmd.Env = append(os.Environ(), "GOWORK=off", broker.EnvBroker+"="+broker.ChoiceMini)
	out, err := cmd.CombinedOutput()
	return string(out), err
}
