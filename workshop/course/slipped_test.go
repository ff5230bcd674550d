package course_test

import (
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"warren.example/workshop/course"
)

// A mistake that behaves well in its first run is caught in the next two: green, named, not kept. In a long run it is red.
func TestAMistakeThatIsSeenByLuckIsNamed(t *testing.T) {
	t.Parallel()
	const minus = "solutions/01-fake/1-add/mistakes/minus/add.go"
	f := newFake(t, 1)
	f.edit(minus, "int(a) - int(b)", "int(a) + int(b)\n\tif _, err := os.Stat(marker); err == nil {\n\t\tdiff = int(a) - int(b)\n\t}\n\t_ = os.WriteFile(marker, nil, 0o600)")
	f.edit(minus, `import "errors"`, "import (\n\t\"errors\"\n\t\"os\"\n)\n\nconst marker = "+strconv.Quote(f.path("ran")))

	report := f.verify(course.VerifyOptions{Selection: "01"})
	require.True(t, report.OK(), report)
	require.True(t, row(t, report, "01/1 minus").Lucky)
	require.Contains(t, report.String(), "\nby luck: 01/1 minus on B: caught in 2 of 3 runs: its test counts on luck, mend it. The other run: TestSum passes")

	f.remove("ran")
	again := f.verify(course.VerifyOptions{Selection: "01"})
	require.Equal(t, 3, again.Kept, "a verdict by luck is not kept")
	require.True(t, row(t, again, "01/1 minus").Lucky)

	f.remove("ran")
	long := f.verify(course.VerifyOptions{Selection: "01", Long: true, Fresh: true})
	require.Equal(t, course.Failed, row(t, long, "01/1 minus").Status, long)
	require.False(t, row(t, long, "01/1 minus").Lucky)
}
