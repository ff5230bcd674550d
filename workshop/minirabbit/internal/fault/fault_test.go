package fault_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"warren.example/workshop/minirabbit/internal/fault"
)

func TestTheTextBeginsWithTheNameOfTheCode(t *testing.T) {
	err := fault.Channel(fault.NotFound, "no queue '%s' in vhost '%s'", "x", "/")
	require.Equal(t, &fault.Error{Code: 404, Text: "NOT_FOUND - no queue 'x' in vhost '/'"}, err)
	require.EqualError(t, err, "404 NOT_FOUND - no queue 'x' in vhost '/'")

	require.Equal(t, &fault.Error{Code: 541, Text: "INTERNAL_ERROR", Connection: true}, fault.Connection(fault.InternalError, ""))
}

func TestATextTooLongForAMQPIsCut(t *testing.T) {
	err := fault.Channel(fault.NotFound, "%s", strings.Repeat("x", 300))
	require.Len(t, err.Text, 255)
	require.True(t, strings.HasSuffix(err.Text, "x..."))
}
