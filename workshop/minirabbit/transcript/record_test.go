package transcript_test

import (
	"flag"
	"maps"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"warren.example/workshop/minirabbit/transcript"
)

var (
	record = flag.Bool("record", false, "record the golden transcripts anew from the brokers of the environment")
	only   = flag.String("scripts", "", "only scripts whose subject/name contains this")
)

const (
	scriptsFolder = "testdata/scripts"
	goldenFolder  = "testdata/golden"
)

// load gives the scripts that the flag -scripts chooses, and all.
func load(t *testing.T) (chosen, all []transcript.Script) {
	t.Helper()
	all, err := transcript.Load(scriptsFolder)
	require.NoError(t, err)
	for _, s := range all {
		if strings.Contains(s.String(), *only) {
			chosen = append(chosen, s)
		}
	}
	return chosen, all
}

// TestRecord records the golden transcripts. Each script runs three times, and a transcript that is not three times the
// same is not kept: such a script waits for too little.
func TestRecord(t *testing.T) {
	if !*record {
		t.Skip("it writes only with -record")
	}
	brokers, err := transcript.Brokers()
	require.NoError(t, err)
	require.NotEmpty(t, brokers, "name brokers in "+transcript.EnvBrokers)
	chosen, all := load(t)
	for _, b := range brokers {
		version := strings.TrimPrefix(b.Name, "RabbitMQ ")
		t.Run(version, func(t *testing.T) {
			said := map[string][]string{}
			var mu sync.Mutex // guards said
			t.Run("scripts", func(t *testing.T) {
				for _, s := range chosen {
					if !s.For(version) || s.Breaks() && b.Control == nil {
						continue
					}
					t.Run(s.String(), func(t *testing.T) {
						if !s.Breaks() {
							t.Parallel()
						}
						lines := steady(t, b, s)
						mu.Lock()
						defer mu.Unlock()
						said[s.String()] = lines
					})
				}
			})
			golden, err := transcript.ReadGolden(goldenFolder, version) // what others recorded meanwhile is kept
			require.NoError(t, err)
			maps.Copy(golden.Transcripts, said)
			require.NoError(t, golden.Write(goldenFolder, all))
		})
	}
}

// steady runs a script three times and demands the same transcript each time.
func steady(t *testing.T, b transcript.Broker, s transcript.Script) []string {
	t.Helper()
	var first transcript.Result
	for i := range 3 {
		r, err := transcript.Run(b, s)
		require.NoError(t, err, r.String())
		require.False(t, r.TimedOut, "a script waits in vain:\n%s", r)
		if i == 0 {
			first = r
		}
		require.Equal(t, first.String(), r.String(), "two runs of one script differ")
	}
	return first.Lines
}
