package lab_test

import (
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"warren.example/workshop/broker"
	"warren.example/workshop/lab"
)

// What a test prints is what package testing makes of it: only a real run shows that. So these tests run their own
// binary again, with one of the tests below named in chosen.
const chosen = "LAB_TEST_CHOSEN"

func TestChosenFailsWithAClaim(t *testing.T) {
	if !isChosen(t) {
		return
	}
	t.Run("of its subtest", func(t *testing.T) {
		lab.New(t).Fail(lab.Claim{Saw: "one\ntwo", Want: "three", Why: "four", Wire: "five", Read: "six"})
	})
}

func TestChosenPublishes(t *testing.T) {
	if !isChosen(t) {
		return
	}
	l := lab.New(t)
	l.Fence(l.Dial())
	l.Note("order-7 is on its way")
	l.Fail(lab.Claim{Saw: "x"})
}

func TestChosenHasTwoLabs(t *testing.T) {
	if !isChosen(t) {
		return
	}
	t.Run("first", func(t *testing.T) { lab.New(t) })
	t.Run("second", func(t *testing.T) { lab.New(t) })
}

// isChosen tells whether this process was started for the test. Otherwise it has nothing to show.
func isChosen(t *testing.T) bool { return os.Getenv(chosen) == t.Name() }

// again runs one test of this binary in a process of its own and returns what go test would show. Times are cut out.
func again(t *testing.T, test string, env ...string) string {
	t.Helper()
	command := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+test+"$", "-test.v=false")
	command.Env = append(append(os.Environ(), chosen+"="+test), env...)
	output, _ := command.CombinedOutput() // the exit code is in the output, as PASS or FAIL
	return regexp.MustCompile(` \(\d+\.\d+s\)`).ReplaceAllString(string(output), "")
}

// On minirabbit the output is the same everywhere. No broker is the environment of somebody who has given none.
const onMini = "WORKSHOP_BROKER=mini"

func noBroker(t *testing.T) []string {
	t.Helper()
	return []string{"WORKSHOP_BROKER=", "WORKSHOP_AMQP_URL=", "WORKSHOP_SCRATCH=" + t.TempDir()}
}

func TestLabelsAreAlignedInTheOutputOfGoTest(t *testing.T) {
	t.Parallel()
	require.Equal(t, `--- FAIL: TestChosenFailsWithAClaim
    --- FAIL: TestChosenFailsWithAClaim/of_its_subtest
        saw   one
              two
        want  three
        why   four
        wire  five
        read  six
FAIL
`, again(t, "TestChosenFailsWithAClaim", onMini))
}

func TestAStandInIsNamedOnce(t *testing.T) {
	t.Parallel()
	output := again(t, "TestChosenHasTwoLabs", noBroker(t)...)
	require.Regexp(t, `^minirabbit 4\.0\.5 stands in for RabbitMQ; a real one: make up \(or go run \./workshop up\)`+
		`(\. Races are not looked for: that takes -race and a C compiler)?\nPASS\n$`, output)
	require.Equal(t, "PASS\n", again(t, "TestChosenHasTwoLabs", onMini), "who asked for it knows")
}

func TestTheWholeRecordingIsDrawnWhenAskedFor(t *testing.T) {
	t.Parallel()
	require.NotContains(t, again(t, "TestChosenPublishes", onMini, "WORKSHOP_WIRE="), "connection.tune")
	output := again(t, "TestChosenPublishes", onMini, "WORKSHOP_WIRE=1")
	require.Contains(t, output, "connection.tune")
	require.Contains(t, output, "order-7 is on its way")
	require.NotContains(t, output, "channel.flow", "a fence is the lab's own")
}

func TestWithoutTheBrokerThatWasForcedTheFirstTestSaysWhatToType(t *testing.T) {
	t.Parallel()
	output := again(t, "TestChosenHasTwoLabs", append(noBroker(t), "WORKSHOP_BROKER=up")...)
	require.Equal(t, `--- FAIL: TestChosenHasTwoLabs
    --- FAIL: TestChosenHasTwoLabs/first
        `+broker.ErrNone.Error()+`
    --- FAIL: TestChosenHasTwoLabs/second
        no broker: see TestChosenHasTwoLabs/first
FAIL
`, output)
}

func TestAPortThatIsDeadSaysWhatToDo(t *testing.T) {
	t.Parallel()
	output := again(t, "TestChosenHasTwoLabs", "WORKSHOP_BROKER=", "WORKSHOP_AMQP_URL=amqp://guest:guest@127.0.0.1:1/")
	require.Equal(t, 1, strings.Count(output, "WORKSHOP_AMQP_URL: nothing listens on 127.0.0.1:1"), output)
}

func TestASkipNamesWhatIsNeeded(t *testing.T) {
	t.Parallel()
	f := judge(t, func(t testing.TB) { lab.Config{Needs: []broker.Ability{broker.Clock}}.New(t) })
	require.True(t, f.Skipped(), f.said())
	require.Regexp(t, `needs a broker with "clock", which .*(RabbitMQ|minirabbit) .* does not offer`, f.said())
}
