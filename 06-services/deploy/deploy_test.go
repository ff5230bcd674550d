package deploy_test

import (
	"os"
	"os/exec"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	system "warren.example/06-services"
	"warren.example/06-services/config"
)

type file struct {
	Services map[string]struct {
		Image       string            `yaml:"image"`
		Command     []string          `yaml:"command"`
		Environment map[string]string `yaml:"environment"`
	} `yaml:"services"`
}

func TestComposeHasAllServicesAndKnownSettings(t *testing.T) {
	text, err := os.ReadFile("compose.yaml")
	require.NoError(t, err)
	var f file
	require.NoError(t, yaml.Unmarshal(text, &f))
	var known []string
	for _, s := range config.Settings(config.Default()) {
		known = append(known, s.Name)
	}
	var want []string
	for _, d := range system.Services() {
		want = append(want, d.Name)
		require.Equal(t, []string{d.Name}, f.Services[d.Name].Command)
		require.NotEmpty(t, f.Services[d.Name].Environment)
	}
	for name, s := range f.Services {
		if s.Image != "shop" {
			continue
		}
		require.Contains(t, want, name)
		for setting := range s.Environment {
			require.True(t, slices.Contains(known, setting), "%s has %s, which is no setting", name, setting)
		}
	}
}

func TestDockerUnderstandsCompose(t *testing.T) {
	if err := exec.Command("docker", "compose", "version").Run(); err != nil {
		t.Skip("this needs docker compose")
	}
	out, err := exec.CommandContext(t.Context(), "docker", "compose", "-f", "compose.yaml", "config", "--quiet").CombinedOutput()
	require.NoError(t, err, "%s", out)
}
