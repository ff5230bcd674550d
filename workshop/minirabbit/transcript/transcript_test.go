package transcript_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"warren.example/workshop/minirabbit"
	"warren.example/workshop/minirabbit/transcript"
)

// recorded are the versions with golden transcripts.
var recorded = []string{"3.10.8", "4.0.5"}

// patience is how long a script waits on minirabbit for what does not come.
const patience = 5 * time.Second

// attempts are what a real broker gets to answer as it did when it was recorded; minirabbit gets one.
const attempts = 5

// TestMinirabbit runs every script on minirabbit, as each recorded version, and compares with what that version of
// RabbitMQ said.
func TestMinirabbit(t *testing.T) {
	chosen, _ := load(t)
	var report transcript.Report
	t.Run("scripts", func(t *testing.T) {
		for _, version := range recorded {
			t.Run(version, func(t *testing.T) {
				golden, err := transcript.ReadGolden(goldenFolder, version)
				require.NoError(t, err)
				shared := mini(t, short(version))
				for _, s := range chosen {
					if !s.For(version) {
						continue
					}
					t.Run(s.String(), func(t *testing.T) {
						t.Parallel()
						b := shared
						if s.Breaks() {
							b = mini(t, short(version))
						}
						c := onBroker(b, s, golden, true)
						report.Add(b.Name, "RabbitMQ "+version, c)
						if c.Problem != "" {
							t.Errorf("minirabbit differs from RabbitMQ %s:\n%s", version, c.Problem)
						}
					})
				}
			})
		}
	})
	t.Logf("%d scripts\n%s", len(chosen), &report)
}

// TestLive runs every script on the real brokers that the environment names. One of a recorded version must say what was
// recorded. One of another version that minirabbit imitates is compared with that at once.
func TestLive(t *testing.T) {
	if *record {
		t.Skip("it would compare with what is being recorded")
	}
	brokers, err := transcript.Brokers()
	require.NoError(t, err)
	if len(brokers) == 0 {
		t.Skip("no real broker is named in " + transcript.EnvBrokers)
	}
	chosen, _ := load(t)
	var report transcript.Report
	t.Run("scripts", func(t *testing.T) {
		for _, b := range brokers {
			version := strings.TrimPrefix(b.Name, "RabbitMQ ")
			compare, reference := reference(t, b, version)
			t.Run(version, func(t *testing.T) {
				if compare == nil {
					t.Skip("nothing was recorded of this version, and minirabbit does not imitate it")
				}
				for _, s := range chosen {
					if !s.For(version) || s.Breaks() && b.Control == nil {
						continue
					}
					t.Run(s.String(), func(t *testing.T) {
						if !s.Breaks() {
							t.Parallel()
						}
						c := transcript.Insist(attempts, func() transcript.Comparison { return compare(s) })
						report.Add(b.Name, reference, c)
						for _, said := range c.Earlier {
							t.Logf("before, %s said something else:\n%s", b.Name, said)
						}
						if c.Problem != "" {
							t.Errorf("%s differs from %s:\n%s", b.Name, reference, c.Problem)
						}
					})
				}
			})
		}
	})
	t.Logf("%d scripts\n%s", len(chosen), &report)
}

// reference gives what a real broker is compared with, and its name; nil if there is nothing.
func reference(t *testing.T, b transcript.Broker, version string) (compare func(transcript.Script) transcript.Comparison, name string) {
	t.Helper()
	golden, err := transcript.ReadGolden(goldenFolder, version)
	require.NoError(t, err)
	if len(golden.Transcripts) > 0 {
		return func(s transcript.Script) transcript.Comparison { return onBroker(b, s, golden, false) }, "its recording"
	}
	if _, err := minirabbit.ParseVersion(short(version)); err != nil {
		return nil, ""
	}
	m := mini(t, short(version))
	return func(s transcript.Script) transcript.Comparison {
		said, err := transcript.Run(b, s)
		if err != nil {
			return transcript.Comparison{Script: s, Problem: said.String() + err.Error()}
		}
		now := transcript.Golden{Version: version, Transcripts: map[string][]string{s.String(): said.Lines}}
		return onBroker(m, s, now, true)
	}, m.Name
}

// onBroker runs a script and compares. What goes wrong is a problem of the comparison, so that the report counts it.
func onBroker(b transcript.Broker, s transcript.Script, golden transcript.Golden, mini bool) transcript.Comparison {
	want, ok := golden.Transcripts[s.String()]
	if !ok {
		return transcript.Comparison{Script: s, Problem: "the script was not recorded with RabbitMQ " + golden.Version}
	}
	result, err := transcript.Run(b, s)
	if err != nil {
		return transcript.Comparison{Script: s, Problem: result.String() + err.Error()}
	}
	return transcript.Compare(s, golden.Version, want, result.Lines, mini)
}

// short gives "3.10" for "3.10.8": what minirabbit calls the versions that it imitates.
func short(version string) string { return version[:strings.LastIndex(version, ".")] }

// mini starts a minirabbit that imitates a version, "3.10", until the test's end.
func mini(t *testing.T, version string) transcript.Broker {
	t.Helper()
	server := minirabbit.Run(t, minirabbit.WithVersion(version), minirabbit.WithManagement("127.0.0.1:0"))
	return transcript.Broker{
		Name:       "minirabbit " + version,
		AMQP:       server.URL(),
		Management: strings.TrimSuffix(server.ManagementURL(), "/"),
		Patience:   patience,
		Control: func(word string) error {
			switch word {
			case "stop":
				server.Stop()
			case "kill":
				server.Kill()
			case "start":
				return server.Restart()
			case "alarm", "calm":
				server.SetAlarm(word == "alarm")
			default:
				return fmt.Errorf("minirabbit can't %s", word)
			}
			return nil
		},
	}
}
