package native_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"warren.example/workshop/node/native"
)

func TestWindowsIsToldWhatToUseInstead(t *testing.T) {
	t.Parallel()
	_, err := native.New(native.Config{})
	require.ErrorIs(t, err, native.ErrNotInstalled)
	require.ErrorContains(t, err, "Docker")
	require.ErrorContains(t, err, "WORKSHOP_AMQP_URL")
}
