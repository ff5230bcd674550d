package notation_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"warren.example/workshop/minirabbit/transcript/notation"
	"warren.example/workshop/wire"
)

// TestWhatIsWrittenIsReadBack writes methods as text, reads the text and wants the same methods.
func TestWhatIsWrittenIsReadBack(t *testing.T) {
	for _, text := range []string{
		`queue.declare queue="q" durable args={a=1 b=int64(2) c="x y" d=true e=void f=[1 "two"] g={h=5} i=bytes("raw") j=time(7)}`,
		`queue.declare queue="q" args={k=float64(1.5) l=float32(2.5) m=uint8(1) n=uint16(2) o=uint32(3) p=int8(4) q=int16(5)}`,
		`basic.deliver consumer="c" tag=18446744073709551615 redelivered exchange="" key="k\n"`,
		`channel.close code=404 text="NOT_FOUND - no queue 'q'" class-id=50 method-id=10`,
		`connection.start-ok client-properties={} mechanism="PLAIN" response="\x00guest\x00guest" locale=""`,
		`queue.declare-ok queue="q" message-count=0 consumer-count=0`,
		`basic.qos-ok`,
	} {
		words, err := notation.Words(text)
		require.NoError(t, err)
		m, content, err := notation.Parse(words)
		require.NoError(t, err, text)
		if wire.HasContent(m) {
			require.NotNil(t, content)
		}
		require.Equal(t, text, notation.Format(m, nil))
	}
}

func TestContentIsWrittenBehindItsMethod(t *testing.T) {
	const text = `basic.publish exchange="" key="k" content-type="text/plain" headers={a=1} delivery-mode=2 body="hello"`
	words, err := notation.Words(text)
	require.NoError(t, err)
	m, content, err := notation.Parse(words)
	require.NoError(t, err)
	require.Equal(t, text, notation.Format(m, content))
}

func TestLongBodiesAreShownBySizeAndChecksum(t *testing.T) {
	m, content, err := notation.Parse([]string{"basic.publish", "key=k", "body=*1000"})
	require.NoError(t, err)
	require.Len(t, content.Body, 1000)
	content.Frames = 2
	text := notation.Format(m, content)
	require.True(t, strings.HasSuffix(text, "frames=2 body=(1000 bytes, checksum 3b41c9e6)"), text)
}

func TestWhatCannotBeRead(t *testing.T) {
	for _, text := range []string{
		"basic.nosuch", "queue.declare nosuch=1", "basic.ack tag=x", "queue.declare args=5", "queue.declare args={a}",
		"queue.declare args={a=nosuch(1)}", "queue.declare args={a=[1}", `queue.declare queue="q`, "basic.publish body=*x",
		"basic.qos prefetch-count=70000",
	} {
		words, err := notation.Words(text)
		if err == nil {
			_, _, err = notation.Parse(words)
		}
		require.Error(t, err, text)
	}
}

func TestWordsAreCutAtSpacesOutsideOfBrackets(t *testing.T) {
	words, err := notation.Words(`a  b="c d" e={f="g}" h=[1 2]} i(j k)`)
	require.NoError(t, err)
	require.Equal(t, []string{"a", `b="c d"`, `e={f="g}" h=[1 2]}`, "i(j k)"}, words)
}
