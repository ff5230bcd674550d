package transcript_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"warren.example/workshop/minirabbit/transcript"
)

// parse loads one file of scripts.
func parse(t *testing.T, text string) ([]transcript.Script, error) {
	t.Helper()
	folder := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(folder, "subject.txt"), []byte(text), 0o600))
	return transcript.Load(folder)
}

// meant is a script with a difference that is meant for 4.0.5.
const meant = `What the file is about.

-- name --
# What the script is about.
differs 4.0.5: because
-   one
-   two
+   three
only 3.10.8 4.0.5: it is so
c1.1 basic.get queue=q
broker stop
`

func TestAScriptIsReadWithItsDirectives(t *testing.T) {
	scripts, err := parse(t, meant)
	require.NoError(t, err)
	require.Equal(t, []transcript.Script{{
		Subject: "subject", Name: "name",
		Lines:       []string{"c1.1 basic.get queue=q", "broker stop"},
		Only:        []string{"3.10.8", "4.0.5"},
		Differences: []transcript.Difference{{Versions: []string{"4.0.5"}, Reason: "because", Golden: []string{"  one", "  two"}, Mini: []string{"  three"}}},
	}}, scripts)
	require.True(t, scripts[0].Breaks())
	require.True(t, scripts[0].For("4.0.5"))
	require.False(t, scripts[0].For("4.3.5"))
}

func TestWhatAScriptMustHave(t *testing.T) {
	for problem, text := range map[string]string{
		"no note says what it is about":   "-- name --\nc1.1 basic.get",
		"script subject/name is there tw": "-- name --\n# a\n-- name --\n# b\n",
		"gives no reason: only":           "-- name --\n# a\nonly 4.0.5\n",
		"gives no reason: differs":        "-- name --\n# a\ndiffers 4.0.5\n- x\n",
	} {
		_, err := parse(t, text)
		require.ErrorContains(t, err, problem)
	}
}

func TestADifferenceIsAllowedOnlyWhereItIsMeant(t *testing.T) {
	scripts, err := parse(t, meant)
	require.NoError(t, err)
	golden, mini := []string{"c1.1 x", "  one", "  two"}, []string{"c1.1 x", "  three"}

	c := transcript.Compare(scripts[0], "4.0.5", golden, mini, true)
	require.Empty(t, c.Problem)
	require.Len(t, c.Meant, 1)

	require.NotEmpty(t, transcript.Compare(scripts[0], "3.10.8", golden, mini, true).Problem, "meant for another version")
	require.NotEmpty(t, transcript.Compare(scripts[0], "4.0.5", golden, mini, false).Problem, "not meant for a real broker")
	require.NotEmpty(t, transcript.Compare(scripts[0], "4.0.5", golden, golden, true).Problem, "declared, but no longer there")
	require.Contains(t, transcript.Compare(scripts[0], "4.0.5", mini, mini, true).Problem, "says nowhere", "RabbitMQ changed")
}

func TestAProblemShowsBothSides(t *testing.T) {
	c := transcript.Compare(transcript.Script{}, "4.0.5", []string{"same", "  old", "end"}, []string{"same", "  new", "end"}, true)
	require.Equal(t, "  same\n-   old\n+   new\n  end\n", c.Problem)
}

func TestInsistKeepsWhatWasSaidBefore(t *testing.T) {
	answers := func(problems ...string) func() transcript.Comparison {
		next := 0
		return func() transcript.Comparison {
			require.Less(t, next, len(problems), "one run too many")
			next++
			return transcript.Comparison{Problem: problems[next-1]}
		}
	}
	for _, test := range []struct {
		name     string
		problems []string
		want     transcript.Comparison
	}{
		{"at once", []string{""}, transcript.Comparison{}},
		{"at last", []string{"x", "y", ""}, transcript.Comparison{Earlier: []string{"x", "y"}}},
		{"never", []string{"x", "y", "z"}, transcript.Comparison{Problem: "z", Earlier: []string{"x", "y"}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			require.Equal(t, test.want, transcript.Insist(3, answers(test.problems...)))
		})
	}
}

func TestTheReportCountsScripts(t *testing.T) {
	var r transcript.Report
	r.Add("minirabbit 4.0.5", "RabbitMQ 4.0.5", transcript.Comparison{Script: transcript.Script{Name: "a"}})
	r.Add("minirabbit 4.0.5", "RabbitMQ 4.0.5", transcript.Comparison{Script: transcript.Script{Name: "b"}, Problem: "x"})
	r.Add("minirabbit 4.0.5", "RabbitMQ 4.0.5", transcript.Comparison{
		Script: transcript.Script{Name: "c"}, Meant: []transcript.Difference{{Reason: "because"}, {Reason: "because"}},
	})
	r.Add("RabbitMQ 4.0.5", "its recording", transcript.Comparison{Script: transcript.Script{Name: "a"}, Earlier: []string{"x"}})
	require.Equal(t, 1, r.Unexplained())
	require.Equal(t, "RabbitMQ 4.0.5 against its recording           1 scripts, 0 with differences that are meant, 0 unexplained, 1 run more than once\n"+
		"minirabbit 4.0.5 against RabbitMQ 4.0.5        3 scripts, 1 with differences that are meant, 1 unexplained\n"+
		"meant: because (/c)\n", r.String())
}

func TestGoldenTranscriptsAreKept(t *testing.T) {
	folder := t.TempDir()
	scripts := []transcript.Script{{Subject: "s", Name: "a"}, {Subject: "s", Name: "b"}, {Subject: "t", Name: "c"}}
	said := map[string][]string{"s/a": {"one", "  two"}, "s/b": {"three"}, "t/c": {"four"}}
	require.NoError(t, transcript.Golden{Version: "4.0.5", Transcripts: said}.Write(folder, scripts))
	g, err := transcript.ReadGolden(folder, "4.0.5")
	require.NoError(t, err)
	require.Equal(t, said, g.Transcripts)

	delete(said, "t/c")
	require.NoError(t, transcript.Golden{Version: "4.0.5", Transcripts: said}.Write(folder, scripts[1:]))
	g, err = transcript.ReadGolden(folder, "4.0.5")
	require.NoError(t, err)
	require.Equal(t, map[string][]string{"s/b": {"three"}}, g.Transcripts, "what has no script any more is gone")
}
