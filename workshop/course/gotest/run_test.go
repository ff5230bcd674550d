package gotest_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"warren.example/workshop/course/gotest"
)

func TestOutcomesAndWordsOfTests(t *testing.T) {
	t.Parallel()
	r := run(t, `package sum_test

import (
	"fmt"
	"testing"
)

func TestGreen(t *testing.T) { fmt.Println("noise") }

func TestClaim(t *testing.T) {
	fmt.Fprint(t.Output(), "saw   order-7 was acked before its handler returned\n      order-7 is gone\nwant  it is there\nwhy   paid\nread  01-basics/README.md#ack\n")
	t.FailNow()
}

func TestUnfinished(t *testing.T) { t.Fatal("not done yet  sum.go:9 TODO(01/1)") }

func TestSkipped(t *testing.T) { t.Skip("needs a cluster") }

func TestParts(t *testing.T) {
	t.Run("good", func(t *testing.T) { t.Log("silent") })
	t.Run("bad", func(t *testing.T) { t.Error("three is not four") })
	t.Run("mute", func(t *testing.T) { t.Fail() })
}
`, gotest.Options{})

	require.Equal(t, gotest.Ended, r.End)
	require.False(t, r.Passed())
	require.Equal(t, []string{"TestGreen", "TestClaim", "TestUnfinished", "TestSkipped", "TestParts"}, names(r))
	green, claim, unfinished, skipped, parts := r.Tests[0], r.Tests[1], r.Tests[2], r.Tests[3], r.Tests[4]

	require.Equal(t, gotest.Pass, green.Outcome)
	require.Empty(t, green.Text)

	require.Equal(t, gotest.Fail, claim.Outcome)
	require.Equal(t, &gotest.Claim{
		Saw:  "order-7 was acked before its handler returned\norder-7 is gone",
		Want: "it is there", Why: "paid", Read: "01-basics/README.md#ack",
	}, claim.Claim)

	require.True(t, unfinished.NotDone)
	require.Equal(t, "sum.go:9 TODO(01/1)", unfinished.Place)

	require.Equal(t, gotest.Skip, skipped.Outcome)
	require.Equal(t, "needs a cluster", skipped.Needs)

	require.Equal(t, "bad:\nsum_test.go:21: three is not four\nmute: failed without a word", parts.Text)
}

func TestWordsOfGreenTestsAreKeptOnRequest(t *testing.T) {
	t.Parallel()
	r := run(t, "package sum_test\n\nimport \"testing\"\n\nfunc TestGreen(t *testing.T) { t.Log(\"all is well\") }\n", gotest.Options{Keep: true})
	require.True(t, r.Passed())
	require.Equal(t, "sum_test.go:5: all is well", r.Tests[0].Text)
}

func TestEachRunOfARepeatedTestIsCounted(t *testing.T) {
	t.Parallel()
	r := run(t, `package sum_test

import "testing"

var runs int

func TestFlaky(t *testing.T) {
	if runs++; runs == 2 {
		t.Error("the second time")
	}
}
`, gotest.Options{Count: 3})

	require.Equal(t, gotest.Ended, r.End)
	require.Equal(t, gotest.Fail, r.Tests[0].Outcome)
	require.Equal(t, 3, r.Tests[0].Runs)
	require.Equal(t, 1, r.Tests[0].Failed)
	require.Contains(t, r.Tests[0].Text, "the second time")
}

func TestPanicIsBlamedOnTheTestThatPanicsAlone(t *testing.T) {
	t.Parallel()
	r := run(t, `package sum_test

import (
	"testing"
	"time"
)

var broken = make(chan bool)

func TestInnocent(t *testing.T) {
	t.Parallel()
	select {
	case <-broken: // never: the other's goroutine ends the process first
	case <-time.After(100 * time.Millisecond):
	}
}

func TestGuilty(t *testing.T) {
	t.Parallel()
	go func() { panic("boom") }()
	select {
	case <-broken:
	case <-time.After(time.Minute):
	}
}

func TestAfter(t *testing.T) { t.Error("wrong by itself") }
`, gotest.Options{})

	require.Equal(t, gotest.Panicked, r.End)
	require.Equal(t, map[string]gotest.Outcome{
		"TestInnocent": gotest.Pass, "TestGuilty": gotest.Panic, "TestAfter": gotest.Fail,
	}, outcomes(r))
	require.Contains(t, r.Tests[1].Text, "panic: boom")
}

func TestEndOfTheProcessIsToldFromAFailure(t *testing.T) {
	t.Parallel()
	for name, exit := range map[string]string{"os.Exit(0)": "os.Exit(0)", "os.Exit(1)": "os.Exit(1)"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := run(t, `package sum_test

import (
	"os"
	"testing"
)

func TestExits(t *testing.T) { `+exit+` }
func TestGreen(t *testing.T) {}
`, gotest.Options{})

			require.Equal(t, gotest.Panicked, r.End)
			require.Equal(t, map[string]gotest.Outcome{"TestExits": gotest.Panic, "TestGreen": gotest.Pass}, outcomes(r))
		})
	}
}

func TestTimeOutNamesWhoHangs(t *testing.T) {
	t.Parallel()
	r := run(t, `package sum_test

import "testing"

func TestGreen(t *testing.T) {}
func TestHangs(t *testing.T) { t.Run("inside", func(t *testing.T) { <-make(chan int) }) }
func TestAfter(t *testing.T) {}
`, gotest.Options{Timeout: 5 * time.Second})

	require.Equal(t, gotest.TimedOut, r.End)
	require.Equal(t, map[string]gotest.Outcome{
		"TestGreen": gotest.Pass, "TestHangs": gotest.Hang, "TestAfter": gotest.Missing,
	}, outcomes(r))
}

func TestFailureOutsideTheTestsIsNoPass(t *testing.T) {
	t.Parallel()
	r := run(t, `package sum_test

import (
	"fmt"
	"os"
	"testing"
)

func TestMain(m *testing.M) {
	code := m.Run()
	if len(os.Args) > 2 { // not when the tests are listed
		fmt.Println("a goroutine is left")
		code = 1
	}
	os.Exit(code)
}

func TestGreen(t *testing.T) {}
`, gotest.Options{})

	require.Equal(t, gotest.Outside, r.End)
	require.Equal(t, gotest.Pass, r.Tests[0].Outcome)
	require.False(t, r.Passed())
	require.Contains(t, r.Output, "a goroutine is left")
}

func TestPanicBeforeAnyTest(t *testing.T) {
	t.Parallel()
	r := run(t, `package sum_test

import "testing"

func init() { panic("too early") }

func TestGreen(t *testing.T) {}
`, gotest.Options{})

	require.Equal(t, gotest.Panicked, r.End)
	require.Contains(t, r.Output, "too early")
	require.False(t, r.Passed())
}

func TestNoTestIsNoPass(t *testing.T) {
	t.Parallel()
	dir := write(t, map[string]string{"sum.go": "package sum\n"})
	none, err := build(t, gotest.Package{Dir: dir}).Run(t.Context(), gotest.Options{})
	require.NoError(t, err)
	require.Equal(t, gotest.NoTests, none.End)
	require.False(t, none.Passed())

	put(t, dir, "sum_test.go", "package sum_test\n\nimport \"testing\"\n\nfunc TestGreen(*testing.T) {}\n")
	none, err = build(t, gotest.Package{Dir: dir}).Run(t.Context(), gotest.Options{Run: "^TestOther$"})
	require.NoError(t, err)
	require.Equal(t, gotest.NoTests, none.End)
}

func names(r gotest.Result) []string {
	var all []string
	for _, test := range r.Tests {
		all = append(all, test.Name)
	}
	return all
}
