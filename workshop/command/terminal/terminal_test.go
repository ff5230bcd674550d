package terminal_test

import (
	"bytes"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"warren.example/workshop/command/terminal"
)

func TestDecodeKnowsKeysFromSequences(t *testing.T) {
	t.Parallel()
	for input, want := range map[string][]terminal.Key{
		"":                 nil,
		"h":                {'h'},
		"Q":                {'q'},
		"nr":               {'n', 'r'},
		"\x03":             {terminal.CtrlC},
		"\r":               {terminal.Enter},
		"ü":                {'ü'},
		"\x1b":             nil,        // Escape alone
		"\x1b[A":           nil,        // arrow up
		"\x1b[1;5Cq":       {'q'},      // Ctrl and arrow, then a key
		"\x1bOq":           nil,        // 1 on the keypad
		"\x1bq":            nil,        // Alt and q
		"\x1b[200~h\x1b[F": {'h'},      // what pasting begins with, a key, End
		"\x1b[12":          nil,        // cut off
		"a\x1b[3~b":        {'a', 'b'}, // Delete between two keys
	} {
		require.Equal(t, want, terminal.Decode([]byte(input)), "%q", input)
	}
}

func TestWrapBreaksBetweenWords(t *testing.T) {
	t.Parallel()
	require.Equal(t, "one two\n  three\n  four", terminal.Wrap("one two three\nfour", 9, "  "))
	require.Equal(t, "no limit at all", terminal.Wrap("no limit at all", 0, ""))
	require.Equal(t, "a\nwordthatistoolong\nb", terminal.Wrap("a wordthatistoolong b", 5, ""))
}

func TestFitCutsWithAnEllipsis(t *testing.T) {
	t.Parallel()
	require.Equal(t, "short", terminal.Fit("short", 5))
	require.Equal(t, "lon…", terminal.Fit("longer", 4))
	require.Equal(t, "prüf…", terminal.Fit("prüfung", 5))
	require.Equal(t, "first …", terminal.Fit("first\nsecond", 20))
}

func TestOutputOfARawTerminalReturnsTheCarriage(t *testing.T) {
	t.Parallel()
	var screen bytes.Buffer
	n, err := terminal.Output(&screen).Write([]byte("a\nb\n"))
	require.NoError(t, err)
	require.Equal(t, 4, n)
	require.Equal(t, "a\r\nb\r\n", screen.String())
}

func TestAFileIsNoTerminal(t *testing.T) {
	t.Parallel()
	file, err := os.Create(t.TempDir() + "/file")
	require.NoError(t, err)
	defer file.Close()
	require.False(t, terminal.IsTerminal(file))
	require.False(t, terminal.IsTerminal(&bytes.Buffer{}))
	require.False(t, terminal.StyleOf(file).Colour)
	_, err = terminal.OpenKeyboard(file)
	require.ErrorContains(t, err, "stdin must be a terminal")
}

func TestColumnsSetTheWidthWithoutATerminal(t *testing.T) {
	t.Setenv("COLUMNS", "60")
	require.Equal(t, 60, terminal.StyleOf(&bytes.Buffer{}).Width)
	t.Setenv("COLUMNS", "3")
	require.Equal(t, 40, terminal.StyleOf(&bytes.Buffer{}).Width)
	t.Setenv("COLUMNS", "many")
	require.Equal(t, 80, terminal.StyleOf(&bytes.Buffer{}).Width)
}
