package lab

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestPlaceIsTheInnermostLineOfTheLearner(t *testing.T) {
	t.Parallel()
	const dir = "/home/me/warren/01-basics/1-hello"
	goroot := frame{"runtime.gopanic", "/usr/local/go/src/runtime/panic.go", 1}
	client := frame{"github.com/rabbitmq/amqp091-go.(*Channel).Close", "/go/pkg/channel.go", 2}
	library := frame{"example.org/retry.Do", "/go/pkg/example.org/retry/retry.go", 3}
	inner := frame{"warren.example/01-basics/1-hello.Send.func1", dir + "/hello.go", 31}
	outer := frame{"warren.example/01-basics/1-hello.Send", dir + "/hello.go", 40}
	trimmed := frame{"warren.example/01-basics/1-hello.Send", "warren.example/01-basics/1-hello/hello.go", 40}
	test := frame{"warren.example/01-basics/1-hello_test.TestX.func1", dir + "/hello_test.go", 50}
	labs := frame{own + "(*Call).run", "/home/me/warren/workshop/lab/call.go", 60}

	for name, c := range map[string]struct {
		frames []frame
		want   frame
	}{
		"in a library":         {[]frame{goroot, client, library, inner, outer, test, labs}, inner},
		"built with -trimpath": {[]frame{client, trimmed, labs}, trimmed},
		"in the handler":       {[]frame{goroot, test, inner, labs}, inner},
		"only in the test":     {[]frame{goroot, client, test, labs}, test},
	} {
		i := inExercise(dir, c.frames)
		require.GreaterOrEqual(t, i, 0, name)
		require.Equal(t, c.want, c.frames[i], name)
	}
	require.Equal(t, -1, inExercise(dir, []frame{goroot, client, labs}), "nobody's")
}

func TestAPlaceSaysWhatWasCalledThere(t *testing.T) {
	t.Parallel()
	client := frame{"github.com/rabbitmq/amqp091-go.(*Channel).Close", "/go/pkg/channel.go", 2}
	test := frame{"warren.example/01-basics/1-hello_test.TestX.func1", "/elsewhere/hello_test.go", 50}
	require.Equal(t, " at hello_test.go:50 in amqp091-go.(*Channel).Close", doing(" at ", []frame{client, test}))
	require.Equal(t, " at hello_test.go:50", doing(" at ", []frame{test}))
	require.Empty(t, doing(" at ", []frame{client}))
}
