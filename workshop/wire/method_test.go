package wire_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"warren.example/workshop/wire"
)

func TestEachMethodSurvivesARoundTrip(t *testing.T) {
	t.Parallel()
	for _, m := range everyMethod {
		payload := encoded(t, m)
		back, err := wire.DecodeMethod(payload)
		require.NoError(t, err)
		require.Equal(t, m, back)
		require.Equal(t, payload, encoded(t, back))
		require.True(t, strings.HasPrefix(back.String(), m.Name()), back.String())
	}
}

func TestZeroMethodsSurviveARoundTrip(t *testing.T) {
	t.Parallel()
	for _, m := range []wire.Method{&wire.QueueDeclare{}, &wire.ConnectionStart{}, &wire.BasicPublish{}, &wire.BasicAck{}} {
		back, err := wire.DecodeMethod(encoded(t, m))
		require.NoError(t, err)
		require.Equal(t, m, back)
	}
}

func TestAMethodCutShortIsAnError(t *testing.T) {
	t.Parallel()
	for _, m := range everyMethod {
		payload := encoded(t, m)
		for n := range payload {
			_, err := wire.DecodeMethod(payload[:n])
			var wrong *wire.DecodeError
			require.ErrorAsf(t, err, &wrong, "%s cut to %d bytes", m.Name(), n)
			require.LessOrEqual(t, wrong.Offset, n)
			require.NotEmpty(t, wrong.Field)
			if n >= 4 {
				require.Equal(t, m.Name(), wrong.What)
			}
		}
	}
}

func TestBytesAfterTheLastFieldAreAnError(t *testing.T) {
	t.Parallel()
	for _, m := range everyMethod {
		payload := encoded(t, m)
		_, err := wire.DecodeMethod(append(payload, 0))
		var wrong *wire.DecodeError
		require.ErrorAs(t, err, &wrong)
		require.Equal(t, &wire.DecodeError{What: m.Name(), Offset: len(payload), Problem: "1 byte left over"}, wrong)
	}
}

func TestADecodeErrorNamesMethodFieldAndOffset(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ payload, want string }{
		{"\x00\x3c", "decode method: method-id at byte 0: needs 4 bytes, 2 left"},
		{"\x00\x3c\x00\x29", "decode method: method-id at byte 0: no method has the number 60.41"},
		{"\x00\x3c\x00\x28\x00\x00\x09shop", "decode basic.publish: exchange at byte 7: needs 9 bytes, 4 left"},
		{"\x00\x3c\x00\x28\x00\x00\x00\x00\x04", "decode basic.publish: bits at byte 8: one is set that has no meaning"},
		{"\x00\x14\x00\x14\x03", "decode channel.flow: bits at byte 4: one is set that has no meaning"},
	} {
		_, err := wire.DecodeMethod([]byte(c.payload))
		require.EqualError(t, err, c.want)
	}
}

func TestWhatAMQPCannotCarryIsNotEncoded(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("q", 256)
	for want, m := range map[string]wire.Method{
		"encode queue.delete: queue has 256 bytes, a short string has 255 at most": &wire.QueueDelete{Queue: long},
		"encode queue.bind: arguments.a is nil, use Void{} for no value": &wire.QueueBind{
			Arguments: wire.Table{{Name: "a"}}},
		"encode queue.bind: arguments.a[1] is nil, use Void{} for no value": &wire.QueueBind{
			Arguments: wire.Table{{Name: "a", Value: wire.Array{wire.Void{}, nil}}}},
		"encode queue.bind: arguments.a is a *wire.Bool, which is no value of AMQP": &wire.QueueBind{
			Arguments: wire.Table{{Name: "a", Value: wire.Some(wire.Bool(true))}}},
	} {
		before := []byte("before")
		after, err := wire.AppendMethod(before, m)
		var wrong *wire.EncodeError
		require.ErrorAs(t, err, &wrong)
		require.EqualError(t, err, want)
		require.Equal(t, before, after)
	}
	_, err := wire.AppendMethod(nil, &wire.QueueDelete{Queue: long[:255]})
	require.NoError(t, err)
}

func TestOnlyFourMethodsCarryContent(t *testing.T) {
	t.Parallel()
	var carriers []string
	for _, m := range everyMethod {
		if wire.HasContent(m) {
			carriers = append(carriers, m.Name())
		}
	}
	require.Equal(t, []string{"basic.publish", "basic.return", "basic.deliver", "basic.get-ok"}, carriers)
}

func TestADecodedMethodKeepsNothingOfThePayload(t *testing.T) {
	t.Parallel()
	for _, m := range everyMethod {
		payload := encoded(t, m)
		back, err := wire.DecodeMethod(payload)
		require.NoError(t, err)
		clear(payload)
		require.Equal(t, m, back)
	}
}
