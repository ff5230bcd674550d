package version_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"warren.example/workshop/minirabbit/internal/version"
)

func TestAVersionIsNamedInFullOrInShort(t *testing.T) {
	for text, want := range map[string]version.Version{
		"3.10": version.V310, "3.10.8": version.V310, "4.0": version.V40, "4.0.5": version.V40, "4.3": version.V43, "4.3.5": version.V43,
	} {
		got, err := version.Parse(text)
		require.NoError(t, err)
		require.Equal(t, want, got, text)
	}
	for _, text := range []string{"", "4", "4.1", "3.10.9", "rabbit"} {
		_, err := version.Parse(text)
		require.ErrorContains(t, err, "want 3.10, 4.0 or 4.3", text)
	}
}

func TestTheVersionsDiffer(t *testing.T) {
	require.Equal(t, []int{-1, 20, 20}, []int{
		version.V310.DefaultDeliveryLimit(), version.V40.DefaultDeliveryLimit(), version.V43.DefaultDeliveryLimit(),
	})
	require.True(t, version.V40.NackCounts())
	require.False(t, version.V43.NackCounts())
	require.True(t, version.V310.TrustsClientDeaths())
	require.False(t, version.V40.TrustsClientDeaths())
	require.True(t, version.V40.TransientQueues())
	require.False(t, version.V43.TransientQueues())
	require.Equal(t, uint32(4096), version.V40.MinFrameMax())
	require.Equal(t, "4.0.5", version.V40.String())
}
